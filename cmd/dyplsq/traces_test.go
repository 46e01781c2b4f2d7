package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// namesOfSpans are those that a collector has of a service, but for their order.
func namesOfSpans(c *systemtest.Collector, service string) (names []string) {
	for _, s := range c.Spans() {
		if s.Service == service {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TestWorkerFollowsTheDecision: a worker that samples nothing by itself records what was recorded
// at its enqueue, and one that samples everything does not record what was not. What is left is
// sent at the end.
func TestWorkerFollowsTheDecision(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	collector := systemtest.NewCollector(t)
	traced := append(slices.Clone(s.Env), collector.Env()...)
	with := func(sampler, ratio string) *systemtest.System {
		return &systemtest.System{Redis: s.Redis, Simulator: s.Simulator, Env: append(
			slices.Clone(traced), "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG="+ratio,
			"OTEL_SERVICE_NAME="+sampler, "OTEL_BSP_SCHEDULE_DELAY=600000",
		)}
	}
	for _, test := range []struct{ of, worker string }{{"1", "0"}, {"0", "1"}} {
		producer, performer := with("producer-"+test.of, test.of), with("worker-"+test.worker, test.worker)
		w := performer.Worker(t)
		producer.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "of-"+test.of, "--wait", "60s")
		if status := w.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("the worker ended with %d", status)
		}
	}
	for service, want := range map[string][]string{
		"producer-1": {"send bind"}, "worker-0": {"Dyplsapi BindAxn", "process bind"}, "producer-0": nil, "worker-1": nil,
	} {
		if got := namesOfSpans(collector, service); !slices.Equal(got, want) {
			t.Errorf("the spans of %s are %q, want %q", service, got, want)
		}
	}
}

// TestTracesHoldNobodyUp: a collector that is away or does not answer, or a protocol that is not
// spoken, is told in the log, and the task is performed.
func TestTracesHoldNobodyUp(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	t.Cleanup(func() {
		close(ended)
		hangs.Close()
	})
	for name, env := range map[string][]string{
		"away":  {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + systemtest.FreeAddress(t), "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_EXPORTER_OTLP_TIMEOUT=100"},
		"hangs": {"OTEL_EXPORTER_OTLP_ENDPOINT=" + hangs.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_BSP_EXPORT_TIMEOUT=500"},
		"gRPC":  {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := systemtest.New(t, dyplstest.Config{})
			performer := &systemtest.System{Redis: s.Redis, Simulator: s.Simulator, Env: append(slices.Clone(s.Env), env...)}
			w := performer.Worker(t)
			s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "60s")
			redistest.Poll(t, systemtest.StartWithin, "the log to tell", w.Wrote("spans not exported; continuing without"))
			if status := w.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
				t.Errorf("the worker ended with %d", status)
			}
		})
	}
}

// TestEnqueueGoesOnWithTheCallersTrace, which its environment names. Nothing is sent where the SDK
// is disabled.
func TestEnqueueGoesOnWithTheCallersTrace(t *testing.T) {
	t.Parallel()
	const callers = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	s := systemtest.New(t, dyplstest.Config{})
	collector := systemtest.NewCollector(t)
	s.Env = append(s.Env, collector.Env()...)
	s.Env = append(s.Env, "TRACEPARENT="+callers)
	s.EnqueueBatch(t, "BindAxn", systemtest.Bind(1, "")+"\n"+systemtest.Bind(2, ""))
	disabled := &systemtest.System{Redis: s.Redis, Env: append(slices.Clone(s.Env), "OTEL_SDK_DISABLED=true")}
	disabled.EnqueueBatch(t, "BindAxn", systemtest.Bind(3, ""))
	redistest.Poll(t, systemtest.StartWithin, "the span", func(context.Context) error {
		spans := collector.Spans()
		if len(spans) != 1 {
			return fmt.Errorf("%d spans", len(spans))
		}
		got := spans[0]
		if !strings.HasPrefix(callers, "00-"+got.Trace+"-"+got.Parent+"-") || got.Name != "send bind" ||
			got.Service != "dyplsq-enqueue" || got.Attributes["messaging.batch.message_count"] != "2" {
			return fmt.Errorf("the span is %+v", got)
		}
		return nil
	})
}

// TestDevIsTraced: what is enqueued in dev's Redis is performed by its worker, in a span.
func TestDevIsTraced(t *testing.T) {
	t.Parallel()
	collector := systemtest.NewCollector(t)
	dev := systemtest.Start(t, systemtest.CleanEnv(collector.Env()...), "dev", "--listen", "127.0.0.1:0", "--serve-listen", "127.0.0.1:0")
	redistest.Poll(t, systemtest.StartWithin, "dev to be up", dev.Wrote("order-1?wait"))
	url := regexp.MustCompile(`REDIS_URL=(\S+)`).FindStringSubmatch(dev.Text())[1]
	s := &systemtest.System{Env: systemtest.CleanEnv("REDIS_URL=" + url)}
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "60s")
	redistest.Poll(t, systemtest.StartWithin, "the spans", func(context.Context) error {
		if got := namesOfSpans(collector, "dyplsq-dev"); !slices.Equal(got, []string{"Dyplsapi BindAxn", "process bind"}) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}
