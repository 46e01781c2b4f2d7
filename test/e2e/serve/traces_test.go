package serve

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The span of the program that posts the bind.
const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// TestOnePictureOfACall: a collector gets the spans of all processes, and from the one in which a
// bind was posted links and parents lead to its call of the API, to the receipts of a call that was
// made on it, to its recording, and to what the application was told of each. No span has a number.
// Lines of the log name the span that they were written in.
func TestOnePictureOfACall(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed %t", sealed), func(t *testing.T) {
			t.Parallel()
			onePictureOfACall(t, sealed)
		})
	}
}

func onePictureOfACall(t *testing.T, sealed bool) {
	t.Helper()
	const pushed = "a-secret-of-the-test-0123"
	receiver, address := systemtest.FreeAddress(t), systemtest.FreeAddress(t)
	s := systemtest.New(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: dyplstest.PushAll("http://" + receiver + "/receipts/" + pushed), AnswerWithin: systemtest.StartWithin},
	})
	collector := systemtest.NewCollector(t)
	s.Env = append(s.Env, collector.Env()...)
	if sealed {
		file := filepath.Join(t.TempDir(), "keys.json")
		for _, args := range [][]string{{"keys", "new", file, "--id", "k1"}, {"keys", "activate", file, "k1"}} {
			if r := systemtest.Run(t, s.Env, "", args...); r.Status != systemtest.StatusOK {
				t.Fatal(r.Errors)
			}
		}
		s.Env = append(s.Env, "DYPLSQ_KEYS_FILE="+file)
	}
	told := headersOf{seen: map[string]string{}}
	application := takeIn(t, []string{secret}, func(string, []byte, error) {})
	application.Config.Handler = told.of(application.Config.Handler)
	tokens, token := newToken(t, s, "enqueue,read")
	endpoints := systemtest.TempFile(t, fmt.Sprintf(
		`{"endpoints":[{"name":"shop","url":%q,"secrets":[%q],"allow_private":true}]}`, application.URL, secret))
	processes := map[string]*systemtest.Process{}
	for says, args := range map[string][]string{
		"receiving receipts": {"receive", "--receipts-listen", receiver, "--receipts-secret-file", systemtest.TempFile(t, pushed+"\n"), "--archive", "file://" + t.TempDir()},
		"serving the API":    {"serve", "--serve-listen", address, "--tokens", tokens, "--callbacks", endpoints},
	} {
		processes[args[0]] = systemtest.Start(t, s.Env, args...)
		redistest.Poll(t, systemtest.StartWithin, args[0], processes[args[0]].Wrote(says))
	}
	worker := s.Worker(t)

	// its id holds a number that is not the request's
	const id = "order-13987654321"
	post(t, "http://"+address+"/v1/tasks", token, fmt.Sprintf(
		`{"action":"BindAxn","id":%q,"request":%s}`, id, systemtest.Bind(1, `,"IsRecordingEnabled":true`)))
	if _, err := s.Simulator.PlaceCall(dyplstest.Dial{SubsID: s.Binding(t, id).SubsID, Caller: "13912345678"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /v1/tasks", "send bind", "process bind", "Dyplsapi BindAxn", "receipt SecretReport", "keep recording",
		"send query", "process query", "Dyplsapi QueryRecordFileDownloadUrl", "fetch recording", "store recording",
		"callback task.finished", "callback call.ended", "callback recording.kept",
	}
	var found picture
	redistest.Poll(t, systemtest.StartWithin, "the whole picture", func(context.Context) error {
		found = connected(collector.Spans())
		for _, name := range want {
			if !slices.ContainsFunc(found, func(s systemtest.Span) bool { return s.Name == name && !s.Failed }) {
				return fmt.Errorf("%q is not connected to the span of the caller; these are: %s", name, found.names())
			}
		}
		return found.differs()
	})
	systemtest.NoNumbers(t, "what the collector was sent", collector.Raw())
	for _, traceparent := range told.all() {
		if parts := strings.Split(traceparent, "-"); len(parts) != 4 || !slices.ContainsFunc(found, func(s systemtest.Span) bool { return s.ID == parts[2] }) {
			t.Errorf("the application was told the traceparent %q, which is of no span", traceparent)
		}
	}
	found.inLog(t, worker.Text(), `"message":"attempt"`)
	found.inLog(t, processes["serve"].Text(), `"method":"POST"`)
	found.inLog(t, processes["serve"].Text(), `"message":"callback delivered"`)
	found.inLog(t, processes["receive"].Text(), `"message":"recording kept"`)
}

func post(t *testing.T, url, token, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("%v, %v", response, err)
	}
	_ = response.Body.Close()
}

// headersOf notes the traceparent of each callback, by its id.
type headersOf struct {
	mu   sync.Mutex
	seen map[string]string
}

func (h *headersOf) of(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.seen[r.Header.Get("Webhook-Id")] = r.Header.Get("Traceparent")
		h.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (h *headersOf) all() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.seen)
}

// picture are spans that are connected.
type picture []systemtest.Span

// connected are the spans to which parents and links lead from the one of the caller.
func connected(spans []systemtest.Span) (found picture) {
	reached := map[string]bool{callersSpan: true}
	for grown := true; grown; {
		grown = false
		for _, s := range spans {
			leads := reached[s.Parent] || slices.ContainsFunc(s.Links, func(id string) bool { return reached[id] })
			if leads && !reached[s.ID] {
				reached[s.ID], grown = true, true
				found = append(found, s)
			}
		}
	}
	return found
}

func (p picture) names() string {
	names := map[string]bool{}
	for _, s := range p {
		names[s.Name] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// stable are the attributes whose values are the same in each run.
var stable = []string{
	"http.request.method", "http.route", "http.response.status_code", "messaging.system", "messaging.operation.name",
	"messaging.operation.type", "messaging.destination.name", "dyplsq.action", "dyplsq.code", "dyplsq.state", "dyplsq.endpoint",
	"dyplsq.receipt", "dyplsq.result", "dyplsq.account", "dyplsq.pool_key",
}

const golden = "testdata/spans.golden"

// differs compares the spans of what went well with the golden file: their names, kinds, where they
// stand, and their attributes.
func (p picture) differs() error {
	if *update {
		return os.WriteFile(golden, []byte(p.text()), 0o600)
	}
	want, err := os.ReadFile(golden)
	if diff := cmp.Diff(string(want), p.text()); err == nil && diff != "" {
		err = fmt.Errorf("-want +got, or run it with -update:\n%s", diff)
	}
	return err
}

func (p picture) text() string {
	byID := map[string]string{callersSpan: "the caller's"}
	for _, s := range p {
		byID[s.ID] = s.Name
	}
	kinds := map[string]bool{}
	for _, s := range p {
		if s.Failed || s.Attributes["dyplsq.class"] != "" || s.Attributes["dyplsq.result"] == "duplicate" ||
			strings.HasPrefix(s.Name, "receipt") && s.Name != "receipt SecretReport" {
			continue
		}
		var text strings.Builder
		fmt.Fprintf(&text, "%s\n  %s of %s\n", s.Name, s.Kind, s.Service)
		if s.Parent != "" {
			fmt.Fprintf(&text, "  below %s\n", byID[s.Parent])
		}
		for _, link := range s.Links {
			fmt.Fprintf(&text, "  linked to %s\n", byID[link])
		}
		for _, key := range slices.Sorted(maps.Keys(s.Attributes)) {
			value := "…"
			if slices.Contains(stable, key) {
				value = s.Attributes[key]
			}
			fmt.Fprintf(&text, "  %s = %s\n", key, value)
		}
		kinds[text.String()] = true
	}
	var got strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		got.WriteString(kind + "\n")
	}
	return got.String()
}

// inLog looks up, in a log, a line that names a span of the picture.
func (p picture) inLog(t *testing.T, log, with string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.Contains(line, with) {
			continue
		}
		var in struct {
			Trace string `json:"trace_id"`
			Span  string `json:"span_id"`
		}
		err := json.Unmarshal([]byte(line), &in)
		if err == nil && !slices.ContainsFunc(p, func(s systemtest.Span) bool { return s.Trace == in.Trace && s.ID == in.Span }) {
			err = errors.New("it names no span of the picture")
		}
		if err != nil {
			t.Errorf("%v: %s", err, line)
		}
		return
	}
	t.Errorf("no line has %s", with)
}
