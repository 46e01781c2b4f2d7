package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// The headers of W3C's Trace Context.
const (
	headerTraceParent = "Traceparent"
	headerTraceState  = "Tracestate"
)

// startSpan starts the span of a request that changes something, below the one that its client
// names. Whoever is not let in has none.
func (e *exchange) startSpan(ctx context.Context) {
	method := e.r.Method
	if !e.api.tracer.On() || method != http.MethodPost && method != http.MethodDelete {
		return
	}
	client := tracing.Origin{
		Parent: e.r.Header.Get(headerTraceParent),
		State:  strings.Join(e.r.Header.Values(headerTraceState), ","),
	}
	ctx, span := e.api.tracer.Start(client.Remote(ctx), trace.SpanKindServer, method, e.route)
	e.r, e.span = e.r.WithContext(ctx), span
	if span.On() {
		span.Set(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(e.route))
		if e.id != "" {
			span.Set(tracing.Task(e.id))
		}
	}
}

// endSpan says what was answered. That a client is wrong is no failure of the API's.
func (e *exchange) endSpan() {
	if !e.span.On() {
		return
	}
	e.span.Set(semconv.HTTPResponseStatusCode(e.status))
	if e.status >= http.StatusInternalServerError {
		e.span.Fail(strconv.Itoa(e.status))
	}
	e.span.End()
}
