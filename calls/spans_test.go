package calls

import (
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// linksOf are, for each span of receipts in their order, the spans that it is linked to.
func linksOf(recorder *tracetest.SpanRecorder) (links [][]string) {
	for _, span := range recorder.Ended() {
		if !strings.HasPrefix(span.Name(), "receipt ") {
			continue
		}
		var ids []string
		for _, link := range span.Links() {
			ids = append(ids, link.SpanContext.SpanID().String())
		}
		links = append(links, ids)
	}
	return links
}

func traced(t *testing.T, server *redistest.Server) (*Store, *tracetest.SpanRecorder, *sdk.TracerProvider) {
	t.Helper()
	var recorder tracetest.SpanRecorder
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(&recorder))
	return open(t, server, func(c *Config) { c.TracerProvider = provider }), &recorder, provider
}

// TestReceiptsAreLinkedToTheBind, also when its task is forgotten.
func TestReceiptsAreLinkedToTheBind(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s, recorder, provider := traced(t, server)
	client := server.Client(t)
	queue := queuetest.New(t, tasks.Config{Client: client, TracerProvider: provider})
	_, err := tasks.UnbindSubscription.Enqueue(t.Context(), queue,
		dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}, tasks.TaskID("order-c1"))
	if err != nil {
		t.Fatal(err)
	}
	sent := recorder.Ended()[0].SpanContext().SpanID().String()
	bodies := receiptsOf("c1")
	mergeOne(t, s, dypls.TypeSecretReport, bodies[dypls.TypeSecretReport])
	client.Del(t.Context(), record.Key("order-c1"))
	mergeOne(t, s, dypls.TypeSecretRecording, bodies[dypls.TypeSecretRecording])
	for _, ids := range linksOf(recorder) {
		if !slices.Equal(ids, []string{sent}) {
			t.Errorf("a receipt is linked to %v, want %s", ids, sent)
		}
	}
	if c := get(t, s, "c1"); !strings.Contains(c.TraceParent, "-"+sent+"-") {
		t.Errorf("the call keeps %q, want the span %s", c.TraceParent, sent)
	}
}

// TestReceiptsOfABindThatIsNotTraced: what is known of the call is linked to its first receipt.
func TestReceiptsOfABindThatIsNotTraced(t *testing.T) {
	t.Parallel()
	s, recorder, _ := traced(t, redistest.Start(t))
	bodies := receiptsOf("c1")
	for _, of := range []dypls.ReceiptType{dypls.TypeSecretStartReport, dypls.TypeSecretReport, dypls.TypeSecretReport} {
		mergeOne(t, s, of, bodies[of])
	}
	first := recorder.Ended()[0].SpanContext().SpanID().String()
	if got := linksOf(recorder); len(got) != 3 || got[0] != nil || !slices.Equal(got[1], []string{first}) || !slices.Equal(got[2], got[1]) {
		t.Errorf("the receipts are linked to %v", got)
	}
	if c := get(t, s, "c1"); c.Revision != 2 {
		t.Errorf("the call changed %d times", c.Revision)
	}
	for _, span := range recorder.Ended() {
		for _, a := range span.Attributes() {
			if v := a.Value.String(); strings.Contains(v, "12345678") || strings.Contains(v, "hush") {
				t.Errorf("%s of %s is %s", a.Key, span.Name(), v)
			}
		}
	}
}

// TestCallKeepsNoSpanWithoutTraces: its record is then as it always was.
func TestCallKeepsNoSpanWithoutTraces(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	for of, body := range receiptsOf("c1") {
		mergeOne(t, s, of, body)
	}
	if s.redis.HExists(t.Context(), callKey("c1"), factOrigin).Val() {
		t.Error("the record has a traceparent")
	}
}
