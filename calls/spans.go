package calls

import (
	"context"
	"fmt"
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// startReceipt starts the span of a receipt, linked to the one in which the call's binding was
// enqueued. The call keeps that: its recording may come long after the task is forgotten. Where the
// binding was not traced the call keeps the span of its first receipt.
func (s *Store) startReceipt(
	ctx context.Context,
	r dypls.Receipt,
	f *facts,
) (context.Context, tracing.Span, error) {
	if !s.spans.On() {
		return ctx, tracing.Span{}, nil
	}
	from, err := s.originOf(ctx, *f)
	if err != nil {
		return ctx, tracing.Span{}, err
	}
	ctx, span := s.spans.StartLinked(
		ctx, trace.SpanKindConsumer, "receipt", string(r.Type), from, time.Time{},
	)
	if from == (tracing.Origin{}) {
		from = span.Origin()
	}
	if from.Parent != "" {
		f.list = append(f.list, fact{name: factOrigin, value: from.Parent, guessed: true})
	}
	if span.On() {
		span.Set(tracing.Receipt.String(string(r.Type)))
		c := f.described()
		span.Set(tracing.OfCall(c.ShownID(), c.ShownTaskID(), c.Account, c.PoolKey, c.SubsID)...)
	}
	return ctx, span, nil
}

func endReceipt(span tracing.Span, result Result, err error) {
	switch {
	case !span.On():
	case err != nil: // it is merged again later
		span.Fail(semconv.ErrorTypeOther.Value.AsString())
	default:
		span.Set(tracing.Result.String(string(result)))
	}
}

// originOf is what the call keeps, or the record of its task.
func (s *Store) originOf(ctx context.Context, f facts) (o tracing.Origin, err error) {
	kept, err := s.redis.HMGet(ctx, callKey(f.call), factOrigin).Result()
	if err != nil {
		return o, fmt.Errorf("read a call: %w", err)
	}
	if text, is := kept[0].(string); is {
		_, o.Parent, _ = strings.Cut(text, ":") // its rank stands in front
		return o, nil
	}
	task := f.value(factOutID)
	if !asynqwire.IsID(task) {
		return o, nil
	}
	of, err := record.NewStore(s.redis).Requested(ctx, task)
	if err != nil {
		return o, fmt.Errorf("read the bind of a call: %w", err)
	}
	return of.Origin, nil
}

// described is the call as far as one receipt tells.
func (f facts) described() Call {
	number := func(name string) dypls.Phone { return dypls.Phone(f.value(name)) }
	return Call{
		ID: f.call, Account: f.value(factAccount), PoolKey: f.value(factPool), TaskID: f.value(factOutID),
		SubsID:  f.value(factBinding),
		PhoneNo: number(factPhoneNo), SecretNo: number(factSecretNo), PeerNo: number(factPeerNo),
	}
}
