package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRequestsGoOnWithTheClientsTrace: those that change something have a span below the client's,
// those that only ask, or are not let in, have none. That a client is wrong is no failure.
func TestRequestsGoOnWithTheClientsTrace(t *testing.T) {
	t.Parallel()
	const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var recorder tracetest.SpanRecorder
	w := newWorld(t, withoutRedis, func(c *Config) {
		c.TracerProvider = sdk.NewTracerProvider(sdk.WithSpanProcessor(&recorder))
	})
	header := []string{"traceparent", "00-" + traceID + "-" + spanID + "-01", "tracestate", "vendor=1"}
	for _, request := range []struct {
		token, method, path, body string
		status                    int
	}{
		{w.all, http.MethodPost, routeTasks, bind("order-42", ""), http.StatusAccepted},
		{w.all, http.MethodGet, routeTasks + "/order-42", "", http.StatusOK},
		{w.all, http.MethodDelete, routeTasks + "/order-13987654321", "", http.StatusNotFound},
		{"", http.MethodPost, routeTasks, bind("order-43", ""), http.StatusUnauthorized},
	} {
		if a := w.as(request.token, request.method, request.path, request.body, header...); a.Status != request.status {
			t.Errorf("%s %s: %d %s", request.method, request.path, a.Status, a.Body)
		}
	}
	w.redis.Kill()
	w.do(http.MethodPost, routeTasks, bind("order-44", ""), header...)
	got := map[string]int{}
	redistest.Poll(t, within, "all spans", func(context.Context) error {
		if n := len(recorder.Ended()); n != 3 {
			return fmt.Errorf("%d spans", n)
		}
		return nil
	})
	for _, span := range recorder.Ended() {
		if span.Parent().TraceID().String() != traceID || span.Parent().SpanID().String() != spanID || span.SpanContext().TraceState().String() != "vendor=1" {
			t.Errorf("%s is below %v", span.Name(), span.Parent())
		}
		text := fmt.Sprintf("%s %s %s", span.SpanKind(), span.Name(), span.Status().Code)
		for _, a := range span.Attributes() {
			if a.Key == "messaging.message.id" {
				text += " " + a.Value.AsString()
			}
		}
		got[text]++
	}
	want := []string{
		"server DELETE /v1/tasks/{id} " + codes.Unset.String() + " order-139****4321",
		"server POST /v1/tasks " + codes.Error.String(), "server POST /v1/tasks " + codes.Unset.String(),
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("the spans are %q, want %q", names, want)
	}
}
