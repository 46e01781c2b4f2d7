package network

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// strangeAnswers are what comes back instead of the answer to a call that took effect. A number
// stands in some, as it may in what a proxy shows: it must not get into a log.
var strangeAnswers = map[string]dyplstest.Fault{
	"garbage":                    {Do: dyplstest.Body, Body: "\x00\xff\x1f\x8b 13900000001"},
	"HTML":                       {Do: dyplstest.Garbage, Body: "<html>the call for 13900000001 was blocked</html>"},
	"HTML, HTTP 502":             {Do: dyplstest.Body, Status: http.StatusBadGateway, Body: "<html><h1>502 Bad Gateway</h1></html>"},
	"nothing, HTTP 200":          {Do: dyplstest.Body},
	"nothing, HTTP 204":          {Do: dyplstest.Body, Status: http.StatusNoContent},
	"nothing, HTTP 302":          {Do: dyplstest.Body, Status: http.StatusFound},
	"nothing, HTTP 504":          {Do: dyplstest.Body, Status: http.StatusGatewayTimeout},
	"null":                       {Do: dyplstest.Body, Body: "null"},
	"{}":                         {Do: dyplstest.Body, Body: "{}"},
	"an array":                   {Do: dyplstest.Body, Body: `[{"Code":"OK"}]`},
	"another shape":              {Do: dyplstest.Body, Body: `{"error":"busy","status":500}`},
	"Code is a number":           {Do: dyplstest.Body, Body: `{"Code":200,"Message":"success","RequestId":"1"}`},
	"an empty Code":              {Do: dyplstest.Body, Body: `{"Code":"","Message":"OK","RequestId":"1"}`},
	"an unknown code, HTTP 500":  {Do: dyplstest.Body, Status: http.StatusInternalServerError, Body: `{"Code":"Backend.Broken","Message":"13900000001","RequestId":"1"}`},
	"more than 1 MiB":            {Do: dyplstest.Body, Name: "more than 1 MiB", Body: `{"Code":"OK","Message":"` + strings.Repeat("x", 2<<20) + `"}`},
	"ServiceUnavailable":         {Do: dyplstest.AnswerCodeAfter, Code: "ServiceUnavailable"},
	"connection closed":          {Do: dyplstest.DropAfter},
	"never":                      {Do: dyplstest.Hang},
	"truncated":                  {},
	"connection reset":           {},
	"headers, and then no more":  {},
	"OK without SecretBindDTO":   {Do: dyplstest.Body, Body: `{"Code":"OK","Message":"OK","RequestId":"1"}`},
	"OK, SecretBindDTO null":     {Do: dyplstest.Body, Body: `{"Code":"OK","Message":"OK","RequestId":"1","SecretBindDTO":null}`},
	"OK, SecretBindDTO an array": {Do: dyplstest.Body, Body: `{"Code":"OK","Message":"OK","RequestId":"1","SecretBindDTO":[]}`},
	"OK without SubsId":          {Do: dyplstest.Body, Body: `{"Code":"OK","Message":"OK","RequestId":"1","SecretBindDTO":{"SecretNo":"17000000001"}}`},
	"OK without SecretNo":        {Do: dyplstest.Body, Body: `{"Code":"OK","Message":"OK","RequestId":"1","SecretBindDTO":{"SubsId":"1000"}}`},
}

// signsOff are the answers that are good enough for an unbind, whose own has nothing but a Code.
func signsOff(name string) bool { return strings.HasPrefix(name, "OK") }

// TestStrangeAnswers: calls take effect, and what comes back is no answer.
//
// Invariants: none of it is believed. A bind that names its X is found, and succeeds with the
// ledger's SubsId after one call; one whose X the platform chose is told as uncertain, and never
// sent again; an unbind is repeated, and succeeds. 0 surplus.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits 15 s before it looks")
	}
	s, strange := newStrangeSystem(t)
	w := systemtest.Start(t, s.Env, "worker", "--concurrency", "256")
	names := make([]string, 0, len(strangeAnswers))
	for name := range strangeAnswers {
		names = append(names, name)
	}
	slices.Sort(names)
	numbers := dyplstest.Numbers("170", 2*len(names))

	var ids []string
	binds := ""
	for i, name := range names {
		for kind, x := range map[string]string{
			"bound": fmt.Sprintf(`,"PhoneNoX":%q`, string(numbers[len(names)+i])), "named": fmt.Sprintf(`,"PhoneNoX":%q`, string(numbers[i])), "chosen": "",
		} {
			pool := systemtest.NamedPool
			if kind == "chosen" {
				pool = systemtest.ChosenPool
			}
			binds += fmt.Sprintf(`{"TaskID":"%s-%d","PoolKey":%q,"PhoneNoA":"1390000%04d","Expiration":"2099-01-31 23:59:59"%s}`+"\n", kind, i, pool, i, x)
			if kind != "bound" {
				strange.answer(t, fmt.Sprint(kind, "-", i), name)
			}
		}
		ids = append(ids, fmt.Sprint("named-", i), fmt.Sprint("chosen-", i), fmt.Sprint("unbind-", i))
	}
	// some may be uncertain by now
	if r := systemtest.Run(t, s.Env, binds, "enqueue", "BindAxn", "-"); r.Status != systemtest.StatusOK && r.Status != systemtest.StatusFailed {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	unbinds := ""
	for i, name := range names {
		bound := s.Outcome(t, fmt.Sprint("bound-", i), "30s")
		done := s.Performed(bound.ID)
		if bound.State != tasks.StateSucceeded || len(done) != 1 {
			t.Fatalf("%s is %s", bound.ID, bound.State)
		}
		strange.answer(t, done[0].SubsID, name)
		unbinds += fmt.Sprintf(`{"TaskID":"unbind-%d","PoolKey":%q,"SubsId":%q,"SecretNo":%q}`+"\n", i, systemtest.NamedPool, done[0].SubsID, string(done[0].SecretNo))
	}
	s.EnqueueBatch(t, "UnbindSubscription", unbinds)

	outcomes := s.Told(t, ids, 2*time.Minute)
	table := &strings.Builder{}
	rows := tabwriter.NewWriter(table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(rows, "answer\tX named\tX chosen\tunbind")
	for i, name := range names {
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\n", name, judgeNamed(t, s, name, outcomes[fmt.Sprint("named-", i)]),
			judgeChosen(t, s, name, outcomes[fmt.Sprint("chosen-", i)]), judgeUnbind(t, name, outcomes[fmt.Sprint("unbind-", i)]))
	}
	_ = rows.Flush()
	if n := len(s.Simulator.Bindings()); n != 2*len(names) {
		t.Errorf("%d bindings are left, want %d", n, 2*len(names))
	}
	systemtest.NoNumbers(t, "the worker's log", w.Text())
	t.Logf("%d answers, %d tasks, %d bindings left, 0 surplus\n%s", len(names), len(ids), len(s.Simulator.Bindings()), table)
}

func judgeNamed(t *testing.T, s *systemtest.System, name string, o tasks.Outcome) string {
	t.Helper()
	done := s.Performed(o.ID)
	if o.State != tasks.StateSucceeded || o.Calls != 1 || len(done) != 1 || !strings.Contains(string(o.Result), strconv.Quote(done[0].SubsID)) {
		t.Errorf("%s, X named: %s %s after %d calls, performed %d times: %s", name, o.State, o.Code, o.Calls, len(done), o.Result)
	}
	return inShort(o)
}

func judgeChosen(t *testing.T, s *systemtest.System, name string, o tasks.Outcome) string {
	t.Helper()
	if n := len(s.Performed(o.ID)); o.State != tasks.StateUncertain || o.Class != dypls.Uncertain || o.Calls != 1 || n != 1 {
		t.Errorf("%s, X chosen by the platform: %s %s after %d calls, performed %d times", name, o.State, o.Code, o.Calls, n)
	}
	return inShort(o)
}

func judgeUnbind(t *testing.T, name string, o tasks.Outcome) string {
	t.Helper()
	calls := 2
	if signsOff(name) {
		calls = 1
	}
	if o.State != tasks.StateSucceeded || o.Calls != calls {
		t.Errorf("%s, unbind: %s %s after %d calls, want succeeded after %d", name, o.State, o.Code, o.Calls, calls)
	}
	return inShort(o)
}

func inShort(o tasks.Outcome) string {
	return fmt.Sprintf("%s %s, %d calls, %s", o.State, o.Code, o.Calls, o.FinishedAt.Sub(o.EnqueuedAt).Round(100*time.Millisecond))
}

// strangeAPI is a simulator behind a server that answers some calls in ways that no HTTP server
// would.
type strangeAPI struct {
	simulator *dyplstest.Simulator

	mu     sync.Mutex
	broken map[string]string // by OutId or SubsId: what becomes of the answer, once
}

func newStrangeSystem(t *testing.T) (*systemtest.System, *strangeAPI) {
	t.Helper()
	count := 2 * len(strangeAnswers)
	s := systemtest.New(t, dyplstest.Config{Pools: []dyplstest.Pool{
		{Key: systemtest.NamedPool, Numbers: dyplstest.Numbers("170", count)}, {Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("171", count)},
	}})
	api := &strangeAPI{simulator: s.Simulator, broken: map[string]string{}}
	front := httptest.NewServer(api)
	t.Cleanup(func() {
		s.Simulator.Close() // what hangs, too
		front.Close()
	})
	s.Env = append(s.Env, "DYPLSQ_ENDPOINT="+front.URL)
	return s, api
}

// answer makes one call, which carries this OutId or SubsId, be answered strangely after it took
// effect.
func (a *strangeAPI) answer(t *testing.T, id, name string) {
	t.Helper()
	f := strangeAnswers[name]
	if f.Do == "" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.broken[id] = name
		return
	}
	parameter := "OutId"
	if !strings.Contains(id, "-") {
		parameter = "SubsId"
	}
	action := map[string]string{"OutId": dypls.BindAXN.Action, "SubsId": dypls.UnbindSubscription.Action}[parameter]
	f.Action, f.Match, f.Times = action, map[string]string{parameter: id}, 1
	f.Performed = f.Do == dyplstest.Body || f.Do == dyplstest.Hang
	if err := a.simulator.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

// ServeHTTP implements [http.Handler].
func (a *strangeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := a.take(r)
	if name == "" {
		a.simulator.ServeHTTP(w, r)
		return
	}
	whole := httptest.NewRecorder()
	a.simulator.ServeHTTP(whole, r)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if name == "connection reset" {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return
	}
	half := whole.Body.Bytes()[:whole.Body.Len()/2]
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", whole.Body.Len(), half)
	if name == "headers, and then no more" {
		_, _ = conn.Read(make([]byte, 1)) // until the client gives up
	}
}

func (a *strangeAPI) take(r *http.Request) string {
	id := cmp.Or(r.URL.Query().Get("OutId"), r.URL.Query().Get("SubsId"))
	a.mu.Lock()
	defer a.mu.Unlock()
	name := a.broken[id]
	delete(a.broken, id)
	return name
}
