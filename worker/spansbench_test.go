package worker

import (
	"context"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// followLinks samples what is linked to a sampled span, as the commands do.
type followLinks struct{ sdk.Sampler }

// ShouldSample implements [sdk.Sampler].
func (f followLinks) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if len(p.Links) > 0 && p.Links[0].SpanContext.IsSampled() {
		return sdk.AlwaysSample().ShouldSample(p)
	}
	return f.Sampler.ShouldSample(p)
}

// providerOf samples a share of all traces; nil for none.
func providerOf(b *testing.B, share float64) trace.TracerProvider {
	b.Helper()
	if share == 0 {
		return nil
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(tracetest.NewNoopExporter()), sdk.WithSampler(followLinks{sdk.ParentBased(sdk.TraceIDRatioBased(share))}),
	)
	b.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider
}

// tracedShares are how much of all is traced.
var tracedShares = []struct {
	name string
	of   float64
}{{"off", 0}, {"one in a hundred", 0.01}, {"all", 1}}

// BenchmarkDrainTraced performs b.N queued binds, of which a share is traced. Run it with
// -benchtime 20000x.
func BenchmarkDrainTraced(b *testing.B) {
	for _, share := range tracedShares {
		b.Run(share.name, func(b *testing.B) {
			b.ReportAllocs()
			drain(b, 0, cannedCaller{}, "", Config{Concurrency: 128, TracerProvider: providerOf(b, share.of)})
		})
	}
}

// BenchmarkSpans makes the spans of a bind that is performed, and nothing else.
func BenchmarkSpans(b *testing.B) {
	for _, share := range tracedShares {
		b.Run(share.name, func(b *testing.B) {
			tracer, ctx := tracing.New(providerOf(b, share.of)), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				sent, send := tracer.Start(ctx, trace.SpanKindProducer, tracing.Send, "bind")
				from := tracing.OriginOf(sent)
				send.End()
				_, run := tracer.StartLinked(ctx, trace.SpanKindConsumer, tracing.Process, "bind", from, time.Time{})
				if run.On() {
					_, call := tracer.Start(run.In(ctx), trace.SpanKindClient, "Dyplsapi", "BindAxn")
					call.End()
				}
				run.End()
			}
		})
	}
}
