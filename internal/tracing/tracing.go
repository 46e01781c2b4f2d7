// Package tracing makes the spans of OpenTelemetry. It knows the API alone: where spans go is the
// application's business, and whoever gives no provider gets no span, at no cost.
package tracing

import (
	"context"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the instrumentation scope of all spans.
const Scope = "github.com/seed-5c07c2e9/dyplsq"

// Tracer makes spans. The zero value makes none.
type Tracer struct{ tracer trace.Tracer }

// New returns a tracer of a provider, which makes none where the provider is nil.
func New(p trace.TracerProvider) Tracer {
	if p == nil {
		return Tracer{}
	}
	return Tracer{p.Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))}
}

// On reports whether there may be spans. Ask it before what a span alone needs is worked out.
func (t Tracer) On() bool { return t.tracer != nil }

// Start starts a span below the one in ctx. Its name is what is done, and of what; "" for nothing
// in particular.
//
//nolint:spancheck // who is given the span ends it
func (t Tracer) Start(
	ctx context.Context, kind trace.SpanKind, does, of string,
) (context.Context, Span) {
	if !t.On() {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, nameOf(does, of), trace.WithSpanKind(kind))
	return ctx, recorded(span)
}

// StartLinked starts the first span of another trace, with a link to where it came from. What came
// from a span that nobody records has none either: who asked for the task has decided. at is when
// it began, the zero time for now.
//
//nolint:spancheck // who is given the span ends it
func (t Tracer) StartLinked(
	ctx context.Context,
	kind trace.SpanKind,
	does, of string,
	from Origin,
	at time.Time,
) (context.Context, Span) {
	if !t.On() {
		return ctx, Span{}
	}
	origin := from.context()
	if origin.IsValid() && !origin.IsSampled() {
		return ctx, Span{}
	}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(kind)}
	if origin.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: origin}))
	}
	if !at.IsZero() {
		options = append(options, trace.WithTimestamp(at))
	}
	ctx, span := t.tracer.Start(ctx, nameOf(does, of), options...)
	return ctx, recorded(span)
}

func nameOf(does, of string) string {
	if of == "" {
		return does
	}
	return does + " " + of
}
