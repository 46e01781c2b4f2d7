package tasks

import (
	"context"
	"errors"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// startSend starts the span in which drafts are enqueued. Their records keep it, also where nobody
// records it: what follows is then not recorded, either.
func (q *Queue) startSend(ctx context.Context, drafts []*draft) (context.Context, tracing.Span) {
	queue := queueOfAll(drafts)
	ctx, span := q.tracer.Start(ctx, trace.SpanKindProducer, tracing.Send, queue)
	origin := tracing.OriginOf(ctx)
	for _, d := range drafts {
		d.origin = origin
	}
	if span.On() {
		span.Set(tracing.Operation(tracing.Send)...)
		span.Set(tracing.Queue(queue))
	}
	return ctx, span
}

// endSend says what came of it.
func endSend(span tracing.Span, drafts []*draft, err error) {
	if !span.On() {
		return
	}
	if len(drafts) == 1 {
		d := drafts[0]
		span.Set(tracing.Action.String(d.action), tracing.Account.String(d.record.Account))
		if d.record.ID != "" { // it is a valid one
			span.Set(tracing.Task(d.record.ID))
		}
	} else {
		span.Set(semconv.MessagingBatchMessageCount(len(drafts)))
	}
	if err != nil {
		span.Fail(failureWord(err))
	}
}

// queueOfAll is the queue that all drafts go to, "" where they go to several.
func queueOfAll(drafts []*draft) (queue string) {
	for i, d := range drafts {
		if i > 0 && d.policy.Queue != queue {
			return ""
		}
		queue = d.policy.Queue
	}
	return queue
}

// failureWord is a word for what Enqueue failed with.
func failureWord(err error) string {
	_, invalid := errors.AsType[*dypls.ValidationError](err)
	_, batch := errors.AsType[*BatchError](err)
	switch {
	case errors.Is(err, ErrKeyReused):
		return "key_reused"
	case invalid, batch:
		return "invalid"
	case errors.Is(err, ErrUnreplicated):
		return "unreplicated"
	case errors.Is(err, ErrUnreachable):
		return "unreachable"
	case errors.Is(err, ErrRefused):
		return "refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}
