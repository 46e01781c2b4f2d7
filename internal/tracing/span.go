package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Span is a span that somebody records. The zero value is none: its methods do nothing.
type Span struct{ span trace.Span }

// recorded is a span, or none where nobody records it.
func recorded(s trace.Span) Span {
	if !s.IsRecording() {
		return Span{}
	}
	return Span{s}
}

// On reports whether the span is recorded. Ask it before [Span.Set], whose arguments cost
// something.
func (s Span) On() bool { return s.span != nil }

// In returns a context in which the span is the parent of what is started next.
func (s Span) In(ctx context.Context) context.Context {
	if s.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, s.span)
}

// Origin is the span as others may link to it.
func (s Span) Origin() Origin {
	if s.span == nil {
		return Origin{}
	}
	return originOf(s.span.SpanContext())
}

// Set sets attributes. One that has no value is left out.
func (s Span) Set(attributes ...attribute.KeyValue) {
	if s.span == nil {
		return
	}
	for _, a := range attributes {
		if a.Value.Type() != attribute.STRING || a.Value.AsString() != "" {
			s.span.SetAttributes(a)
		}
	}
}

// Fail says that what the span is about has failed, and by which kind of error: one of few words,
// and never a text, which might hold a number.
func (s Span) Fail(kind string) {
	if s.span == nil {
		return
	}
	s.span.SetStatus(codes.Error, kind)
	s.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
}

// End ends the span. What follows changes nothing.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// LogFields are what a line of a log that is written inside the span has of it, for zerolog's
// Fields; nil for none.
func (s Span) LogFields() []any {
	if s.span == nil {
		return nil
	}
	c := s.span.SpanContext()
	return []any{"trace_id", c.TraceID().String(), "span_id", c.SpanID().String()}
}
