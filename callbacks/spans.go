package callbacks

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// startSpan starts the span of one attempt, linked to the one in which what it tells of was
// enqueued.
func (l *lane) startSpan(
	ctx context.Context, id string, a admission,
) (context.Context, tracing.Span) {
	from := tracing.Origin{Parent: a.origin}
	ctx, span := l.tracer.StartLinked(
		ctx, trace.SpanKindClient, "callback", string(a.kind), from, time.Time{},
	)
	if span.On() {
		span.Set(
			semconv.HTTPRequestMethodKey.String(http.MethodPost), tracing.Endpoint.String(l.name),
			tracing.Webhook.String(id), tracing.Attempt.Int(a.attempts+1),
		)
		if u, err := url.Parse(l.poster.Load().endpoint.URL); err == nil {
			span.Set(semconv.ServerAddress(u.Hostname()))
		}
	}
	return ctx, span
}

// endSpan says what came of it.
func (l *lane) endSpan(span tracing.Span, attempt Attempt, e end) {
	if !span.On() {
		return
	}
	span.Set(tracing.Result.String(e.result))
	if attempt.Status > 0 {
		span.Set(semconv.HTTPResponseStatusCode(attempt.Status))
	}
	switch {
	case attempt.Delivered():
	case attempt.Status > 0:
		span.Fail(strconv.Itoa(attempt.Status))
	default:
		span.Fail("no_answer")
	}
}
