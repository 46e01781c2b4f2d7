package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// flushWithin is how long the spans that are left may take to be sent, when a process ends.
	flushWithin = 3 * time.Second
	// sayTracesEvery is how far apart the lines are that say that spans are not exported.
	sayTracesEvery = time.Minute
)

// traces are where the spans of a process go.
type traces struct {
	provider trace.TracerProvider // nil for nowhere
	stop     func(context.Context) error
}

// openTraces exports spans by OTLP over HTTP where OpenTelemetry's own variables say where to, and
// does nothing where they do not. Whatever is wrong with it ends no process.
func openTraces(ctx context.Context, command string, log zerolog.Logger) *traces {
	if !tracesWanted() {
		return &traces{}
	}
	log = log.With().Str("component", "traces").Logger()
	exporter, err := newExporter(ctx)
	if err != nil {
		sayNotExported(log, err)
		return &traces{}
	}
	of, err := resource.New(
		ctx,
		resource.WithAttributes(semconv.ServiceName("dyplsq-"+command), semconv.ServiceVersion(cmp.Or(version, "dev"))),
		resource.WithHost(),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // has the last word
	)
	if err != nil { // what is known is there all the same
		sayNotExported(log, err)
	}
	var said atomic.Int64
	otel.SetLogger(logr.Discard()) // its lines are no JSON
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		last, now := said.Load(), time.Now().UnixNano()
		if now-last > int64(sayTracesEvery) && said.CompareAndSwap(last, now) {
			sayNotExported(log, err)
		}
	}))
	// both providers share what sends the spans in batches
	batches := sdk.WithSpanProcessor(sdk.NewBatchSpanProcessor(exporter))
	own := sdk.NewTracerProvider(batches, sdk.WithResource(of))
	t := &traces{provider: own, stop: own.Shutdown}
	if parentBased() {
		all := sdk.NewTracerProvider(batches, sdk.WithResource(of), sdk.WithSampler(sdk.AlwaysSample()))
		t.provider = following{own: own, all: all}
	}
	return t
}

// close sends what is left.
func (t *traces) close(ctx context.Context) {
	if t.stop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	_ = t.stop(ctx) // what fails was told
}

func sayNotExported(log zerolog.Logger, err error) {
	log.Warn().Str("error", dypls.Scrub(err.Error())).Msg("spans not exported; continuing without")
}

// tracesWanted reports whether the environment says where spans go.
func tracesWanted() bool {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	endpoint := cmp.Or(
		os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"),
	)
	return endpoint != "" && !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") &&
		(exporter == "" || exporter == "otlp")
}

// newExporter returns what sends spans. It reads the rest of its settings itself.
func newExporter(ctx context.Context) (sdk.SpanExporter, error) { //nolint:ireturn // it is what a provider takes
	protocol := cmp.Or(
		os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"),
	)
	if protocol == "grpc" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_PROTOCOL is grpc: set it to http/protobuf, and the endpoint to its port, 4318")
	}
	return otlptracehttp.New(ctx)
}

// parentBased reports whether the sampler lets what a span led to be recorded where the span is.
func parentBased() bool {
	sampler := strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER")))
	return sampler == "" || strings.HasPrefix(sampler, "parentbased_")
}

// following is a provider that records what is linked to a span that is recorded: as a sampler that
// is based on parents does below one. Otherwise, where one enqueue in a hundred is recorded, of a
// hundred of these one would be performed by a worker that records it.
type following struct {
	embedded.TracerProvider

	own, all trace.TracerProvider
}

// Tracer implements [trace.TracerProvider].
func (f following) Tracer(name string, options ...trace.TracerOption) trace.Tracer { //nolint:ireturn // the API's
	return followingTracer{own: f.own.Tracer(name, options...), all: f.all.Tracer(name, options...)}
}

type followingTracer struct {
	embedded.Tracer

	own, all trace.Tracer
}

// Start implements [trace.Tracer].
//
//nolint:spancheck // who is given the span ends it
func (t followingTracer) Start( //nolint:ireturn // the API's
	ctx context.Context,
	name string,
	options ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	for _, link := range config.Links() {
		if config.NewRoot() && link.SpanContext.IsSampled() {
			return t.all.Start(ctx, name, options...)
		}
	}
	return t.own.Start(ctx, name, options...)
}
