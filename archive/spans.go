package archive

import (
	"context"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// startSpan starts the span of one try to keep a call's recording, linked to the one in which the
// call's binding was enqueued.
func (k *Keeper) startSpan(ctx context.Context, c calls.Call) (context.Context, tracing.Span) {
	from := tracing.Origin{Parent: c.TraceParent}
	ctx, span := k.tracer.StartLinked(
		ctx, trace.SpanKindConsumer, "keep", "recording", from, time.Time{},
	)
	if span.On() {
		span.Set(tracing.OfCall(c.ShownID(), c.ShownTaskID(), c.Account, c.PoolKey, c.SubsID)...)
	}
	return ctx, span
}

// done tells what came of a recording. One that is tried again has not failed.
func (k *Keeper) done(a *attempt, e End) {
	if a.span.On() {
		a.span.Set(tracing.Result.String(string(e.Result)))
		if e.Bytes > 0 {
			a.span.Set(tracing.Size.Int64(e.Bytes))
		}
		if e.Result == Lost {
			a.span.Fail(string(e.Result))
		}
	}
	k.Trace.done(e)
}

// endPart ends the span of a part of a try.
func endPart(span tracing.Span, err error) {
	if err != nil {
		span.Fail(semconv.ErrorTypeOther.Value.AsString())
	}
	span.End()
}
