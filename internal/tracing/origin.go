package tracing

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Origin is a span of another process, or of another time, as W3C's Trace Context writes it: the
// values of the headers traceparent and tracestate. The zero value is none.
type Origin struct{ Parent, State string }

const (
	version = "00"
	// mostState is how long a tracestate is kept: what the specification wants to be kept at least.
	mostState = 512
)

// OriginOf is the span in a context, none where that has none.
func OriginOf(ctx context.Context) Origin {
	return originOf(trace.SpanContextFromContext(ctx))
}

func originOf(c trace.SpanContext) Origin {
	if !c.IsValid() {
		return Origin{}
	}
	parts := []string{version, c.TraceID().String(), c.SpanID().String(), c.TraceFlags().String()}
	o := Origin{Parent: strings.Join(parts, "-")}
	if state := c.TraceState().String(); c.IsSampled() && len(state) <= mostState {
		o.State = state
	}
	return o
}

// WithoutNumbers is the origin without those entries of its tracestate that may hold a telephone
// number.
func (o Origin) WithoutNumbers() Origin {
	if o.State == "" {
		return o
	}
	entries := strings.Split(o.State, ",")
	entries = slices.DeleteFunc(entries, func(e string) bool { return dypls.Scrub(e) != e })
	o.State = strings.Join(entries, ",")
	return o
}

// Remote returns a context in which the origin is the parent of what is started next. What is no
// origin changes nothing.
func (o Origin) Remote(ctx context.Context) context.Context {
	if c := o.context(); c.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, c)
	}
	return ctx
}

// context reads an origin. What cannot be read is none.
func (o Origin) context() (c trace.SpanContext) {
	of, rest, _ := strings.Cut(o.Parent, "-")
	traceHex, rest, _ := strings.Cut(rest, "-")
	spanHex, rest, _ := strings.Cut(rest, "-")
	flags, _, more := strings.Cut(rest, "-")
	// a later version may have more behind, ff is none
	if len(of) != 2 || of == "ff" || of == version && more || len(flags) != 2 {
		return c
	}
	traceID, err := trace.TraceIDFromHex(traceHex)
	if err != nil {
		return c
	}
	spanID, err := trace.SpanIDFromHex(spanHex)
	if err != nil {
		return c
	}
	config := trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, Remote: true}
	if strings.ContainsRune("13579bdf", rune(flags[1])) {
		config.TraceFlags = trace.FlagsSampled
	}
	if state, err := trace.ParseTraceState(o.State); err == nil && len(o.State) <= mostState {
		config.TraceState = state
	}
	return trace.NewSpanContext(config)
}
