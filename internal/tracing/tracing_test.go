package tracing

import (
	"context"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const (
	sampledParent   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampledParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// TestOffCostsNothing: without a provider, and of a task whose enqueue nobody records, nothing is
// allocated.
func TestOffCostsNothing(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	ctx := t.Context()
	recording := New(sdk.NewTracerProvider())
	for name, step := range map[string]func(){
		"no provider": func() {
			got, span := (Tracer{}).Start(ctx, trace.SpanKindClient, "Dyplsapi", "BindAxn")
			_, linked := (Tracer{}).StartLinked(ctx, trace.SpanKindConsumer, Process, "bind", Origin{Parent: sampledParent}, time.Time{})
			if span.On() || linked.On() || span.In(got) != ctx || span.LogFields() != nil {
				t.Error("there is a span")
			}
			span.Fail("Rejected")
			span.End()
		},
		"not recorded": func() {
			got, span := recording.StartLinked(ctx, trace.SpanKindConsumer, Process, "bind", Origin{Parent: unsampledParent}, time.Time{})
			if span.On() || got != ctx {
				t.Error("there is a span")
			}
		},
		"no origin": func() {
			if OriginOf(ctx) != (Origin{}) {
				t.Error("there is an origin")
			}
		},
	} {
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestOrigin reads and writes what W3C's Trace Context says.
func TestOrigin(t *testing.T) {
	t.Parallel()
	for parent, want := range map[string]string{
		sampledParent:   sampledParent,
		unsampledParent: unsampledParent,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-more": sampledParent, // of a later version
		"": "", "00": "", "ff" + sampledParent[2:]: "", sampledParent + "-more": "", strings.ToUpper(sampledParent): "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1":  "",
		"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01":  "",
	} {
		got := OriginOf(Origin{Parent: parent, State: "vendor=1"}.Remote(context.Background()))
		state := ""
		if want == sampledParent {
			state = "vendor=1"
		}
		if got != (Origin{Parent: want, State: state}) {
			t.Errorf("%q is read as %+v, want %q", parent, got, want)
		}
	}
	long := Origin{Parent: sampledParent, State: "vendor=" + strings.Repeat("x", mostState)}
	if got := OriginOf(long.Remote(context.Background())); got != (Origin{Parent: sampledParent}) {
		t.Errorf("a tracestate that is too long is kept: %+v", got)
	}
}

// TestLinkedIsATraceOfItsOwn: what came later is linked to where it came from, and below nothing.
func TestLinkedIsATraceOfItsOwn(t *testing.T) {
	t.Parallel()
	var recorder tracetest.SpanRecorder
	tracer := New(sdk.NewTracerProvider(sdk.WithSpanProcessor(&recorder)))
	ctx, outer := tracer.Start(t.Context(), trace.SpanKindInternal, "outer", "")
	_, span := tracer.StartLinked(ctx, trace.SpanKindConsumer, Process, "bind", outer.Origin(), time.Now().Add(-time.Minute))
	span.Set(Task("order-13987654321"), Account.String(""))
	span.End()
	got := recorder.Ended()[0]
	if got.Name() != "process bind" || got.Parent().IsValid() || len(got.Links()) != 1 ||
		got.Links()[0].SpanContext.SpanID() != outer.span.SpanContext().SpanID() || got.EndTime().Sub(got.StartTime()) < time.Minute {
		t.Errorf("the span is %+v", got)
	}
	if a := got.Attributes(); len(a) != 1 || a[0].Value.AsString() != "order-139****4321" {
		t.Errorf("its attributes are %v", a)
	}
}
