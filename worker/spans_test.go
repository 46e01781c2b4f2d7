package worker

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tracedHarness is a harness whose queue and worker are traced.
func tracedHarness(t *testing.T, sampler sdk.Sampler, faults ...dyplstest.Fault) (*workerHarness, *tracetest.SpanRecorder) {
	t.Helper()
	var recorder tracetest.SpanRecorder
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(&recorder), sdk.WithSampler(sampler))
	s := newWorkerHarness(t, dyplstest.Config{Faults: faults}, func(c *Config) { c.TracerProvider = provider })
	s.queue = queuetest.New(t, tasks.Config{Client: s.redis, TracerProvider: provider})
	return s, &recorder
}

// TestSpansOfWhatFails: what is tried again has not failed, and what failed for good has; each call
// tells what came of it. The lines of the log name the runs' spans.
func TestSpansOfWhatFails(t *testing.T) {
	t.Parallel()
	of := func(a string) map[string]string { return map[string]string{"PhoneNoA": a} }
	s, recorder := tracedHarness(t, sdk.AlwaysSample(),
		dyplstest.Fault{Match: of("13900000001"), Do: dyplstest.AnswerCode, Code: "isp.SYSTEM_ERROR", Status: 500, Times: 1},
		dyplstest.Fault{Match: of("13900000002"), Do: dyplstest.AnswerCode, Code: "isv.NO_AVAILABLE_NUMBER"},
		dyplstest.Fault{Match: of("13900000003"), Do: dyplstest.DropAfter},
		dyplstest.Fault{Match: of("13900000004"), Do: dyplstest.AnswerCode, Code: "what 13912345678 never said"},
		dyplstest.Fault{Match: of("13900000005"), Do: dyplstest.DropAfter, Times: 1},
	)
	for i, want := range []tasks.State{
		tasks.StateSucceeded, tasks.StateFailed, tasks.StateUncertain, tasks.StateFailed, tasks.StateSucceeded,
	} {
		request := bindRequest()
		request.PhoneNoA = dypls.Phone(fmt.Sprintf("1390000000%d", i+1))
		if i == 4 { // which can be looked up
			request.PhoneNoX = x
		}
		id := fmt.Sprint("order-", i+1)
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID(id)); err != nil {
			t.Fatal(err)
		}
		if o := s.outcome(t, id); o.State != want {
			t.Errorf("%s is %s, want %s", id, o.State, want)
		}
	}
	// an outcome is told before its run has ended
	const sends, runs, calls = 5, 7, 8
	waitForSpans(t, recorder, sends+runs+calls)
	ended := recorder.Ended()
	golden(t, "testdata/failures.golden", textOf(ended))
	for _, span := range ended {
		if text := fmt.Sprint(span.Attributes(), span.Status(), span.Events()); strings.Contains(text, "139000") || strings.Contains(text, "13912345678") {
			t.Errorf("a span holds a number: %s", text)
		}
	}
	ofRuns := map[string]bool{}
	for _, span := range ended {
		if span.Name() == "process bind" {
			ofRuns[span.SpanContext().TraceID().String()+span.SpanContext().SpanID().String()] = true
		}
	}
	for line := range strings.Lines(s.log.String()) {
		var in struct {
			Trace   string `json:"trace_id"`
			Span    string `json:"span_id"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(line), &in); err != nil {
			t.Error(err)
		}
		if attempt := in.Message == "attempt" || in.Message == "look"; attempt != ofRuns[in.Trace+in.Span] {
			t.Errorf("in the span of a run: %t: %s", !attempt, line)
		}
	}
}

// TestNotRecorded: what nobody records at the enqueue is recorded nowhere; the record says so, and
// without a provider it has no field for it.
func TestNotRecorded(t *testing.T) {
	t.Parallel()
	s, recorder := tracedHarness(t, sdk.ParentBased(sdk.AlwaysSample()))
	caller := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	if _, err := tasks.BindAXN.Enqueue(caller, s.queue, bindRequest(), tasks.TaskID("sampled-out")); err != nil {
		t.Fatal(err)
	}
	s.outcome(t, "sampled-out")
	parent := s.redis.HGet(t.Context(), record.Key("sampled-out"), "traceparent").Val()
	if !strings.HasPrefix(parent, "00-"+trace.TraceID{1}.String()+"-") || !strings.HasSuffix(parent, "-00") {
		t.Errorf("the record has the traceparent %q", parent)
	}
	s.queue = queuetest.On(t, s.redis)
	s.bind(t, "untraced")
	s.outcome(t, "untraced")
	waitForSpans(t, recorder, 2)
	for _, span := range recorder.Ended() {
		if len(span.Links()) != 0 || !slices.Contains([]string{"process bind", "Dyplsapi BindAxn"}, span.Name()) {
			t.Errorf("recorded: %s", span.Name())
		}
	}
	for field := range s.redis.HGetAll(t.Context(), record.Key("untraced")).Val() {
		if strings.HasPrefix(field, "trace") {
			t.Errorf("the record of a task that is not traced has the field %s", field)
		}
	}
}
