package worker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// gateway stands between workers and the simulator: it passes requests on, or answers as something
// does that is not the API.
type gateway struct {
	url    string
	broken atomic.Bool
	asked  atomic.Int64 // while it was broken
}

func startGateway(t *testing.T, to string, instead http.HandlerFunc) *gateway {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.broken.Load() {
			g.asked.Add(1)
			instead(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	g.url = "http://" + listener.Addr().String()
	return g
}

// answering is a handler that answers so.
func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset
		_ = conn.Close()
	}
}

// behindGateway starts workers that reach their simulator through a gateway.
func behindGateway(t *testing.T, workers, binds int, timing timing, answerWithin time.Duration, instead http.HandlerFunc) (*manyWorkersHarness, *gateway) {
	t.Helper()
	api := dyplstest.Start(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 2*binds)}}})
	g := startGateway(t, api.URL(), instead)
	f := newManyWorkersHarness(t, workers, timing, dyplstest.Config{}, func(c *Config) {
		caller, err := aliyun.New(aliyun.Config{Endpoint: g.url, Credentials: aliyun.StaticCredentials(api.AccessKeyID, api.AccessKeySecret, "")})
		if err != nil {
			t.Fatal(err)
		}
		c.Caller, c.HTTPTimeout = caller, answerWithin
	})
	f.simulator = api
	return f, g
}

// TestForeignAnswersLeaveFewBindsUncertain: whatever answers in the API's place, at most the first
// handful of the binds that leave X to the platform is in doubt. All others wait, and succeed when
// the API is back, without a person.
func TestForeignAnswersLeaveFewBindsUncertain(t *testing.T) {
	t.Parallel()
	const silence = "silence"
	const page = "<html><head><title>502 Bad Gateway</title></head></html>"
	for name, instead := range map[string]http.HandlerFunc{
		"301":                  answering(http.StatusMovedPermanently, "text/html", page),
		"407":                  answering(http.StatusProxyAuthRequired, "text/html", page),
		"a 502 page":           answering(http.StatusBadGateway, "text/html", page),
		"a 200 page":           answering(http.StatusOK, "text/html", page),
		"nothing":              answering(http.StatusOK, "application/json", ""),
		"JSON without a code":  answering(http.StatusOK, "application/json", `{"error":"no route"}`),
		"a gateway's own JSON": answering(http.StatusServiceUnavailable, "application/json", `{"Code":"ServiceUnavailable","Message":"busy","HostId":"dyplsapi.aliyuncs.com"}`),
		"a reset":              cut,
		silence:                func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answerWithin := 10 * time.Second // which no answer takes, on however busy a machine
			if name == silence {
				answerWithin = 5 * time.Second
			}
			foreignAnswers(t, 2, quickBreaker, 3*time.Second, answerWithin, instead)
		})
	}
}

// TestTenMinutesOfForeignAnswers is the same in real time.
func TestTenMinutesOfForeignAnswers(t *testing.T) {
	if os.Getenv("DYPLSQ_FAULTS") == "" {
		t.Skip("takes ten minutes: set DYPLSQ_FAULTS=1")
	}
	t.Parallel()
	foreignAnswers(t, 1, timing{claimLease: claimLease, reconcileAfter: defaultReconcileAfter, verifyAgainAfter: defaultVerifyAgainAfter}, 10*time.Minute, 10*time.Second,
		answering(http.StatusBadGateway, "text/html", "<html>502 Bad Gateway</html>"))
}

func foreignAnswers(t *testing.T, workers int, timing timing, lasts, answerWithin time.Duration, instead http.HandlerFunc) {
	t.Helper()
	const binds = 60
	f, g := behindGateway(t, workers, binds, timing, answerWithin, instead)
	g.broken.Store(true)
	began := time.Now()
	f.bind(t, binds)
	f.logged(t, breaker.OpenedMessage(breakers.Endpoint))
	back := time.AfterFunc(time.Until(began.Add(lasts)), func() { g.broken.Store(false) })
	defer back.Stop()
	ids := make([]string, binds)
	for i := range ids {
		ids[i] = fmt.Sprint("bind-", i)
	}
	uncertain := 0
	ctx, cancel := context.WithTimeout(t.Context(), lasts+2*outcomeWithin)
	defer cancel()
	err := f.queue.WaitAll(ctx, ids, func(o tasks.Outcome) {
		switch {
		case o.State == tasks.StateUncertain:
			uncertain++
		case o.State != tasks.StateSucceeded || o.Attempts != 1:
			t.Errorf("%s: %s %s after %d attempts", o.ID, o.State, o.Code, o.Attempts)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d binds are uncertain after %s of foreign answers, which %d requests met", uncertain, binds, lasts, g.asked.Load())
	if uncertain > workers*breaker.StartCalls || uncertain == 0 {
		t.Errorf("%d binds are uncertain, want at most %d for each of %d workers", uncertain, breaker.StartCalls, workers)
	}
	if most := int64(workers*breaker.StartCalls + probesWithin(timing, breakers.Endpoint, lasts) + 1); g.asked.Load() > most {
		t.Errorf("%d requests left meanwhile, want at most %d", g.asked.Load(), most)
	}
	f.logged(t, breaker.ClosedMessage(breakers.Endpoint))
	performed := map[string]int{}
	for _, e := range f.simulator.Ledger() {
		if e.Performed && e.Action == dypls.BindAXN.Action {
			performed[e.Parameters["OutId"]]++
		}
	}
	for id, n := range performed {
		if n != 1 {
			t.Errorf("%s was bound %d times", id, n)
		}
	}
	if len(performed) != binds-uncertain {
		t.Errorf("%d binds took effect, %d succeeded", len(performed), binds-uncertain)
	}
}

// TestOneForeignAnswerHoldsNothing: an answer that is lost among good ones opens nothing.
func TestOneForeignAnswerHoldsNothing(t *testing.T) {
	t.Parallel()
	const binds = 60
	s := newWorkerHarness(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 2*binds)}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
	}, nil)
	uncertain := 0
	for i := range binds {
		id := fmt.Sprint("k", i)
		s.bind(t, id)
		if o := s.outcome(t, id); o.State == tasks.StateUncertain {
			uncertain++
		}
	}
	if uncertain != 1 || strings.Contains(s.log.String(), breaker.OpenedMessage(breakers.Endpoint)) {
		t.Errorf("%d are uncertain\n%s", uncertain, s.log)
	}
}

// TestWhatCanBeLookedUpGoesOn: while the endpoint is held, a bind that names its X is not, and its
// answer opens it for all.
func TestWhatCanBeLookedUpGoesOn(t *testing.T) {
	t.Parallel()
	f, g := behindGateway(t, 1, 60, timing{
		claimLease: claimLease, reconcileAfter: quick.reconcileAfter, verifyAgainAfter: quick.verifyAgainAfter,
	}, 10*time.Second, answering(http.StatusBadGateway, "text/html", "<html></html>"))
	g.broken.Store(true)
	f.bind(t, 20)
	f.logged(t, breaker.OpenedMessage(breakers.Endpoint))
	e := f.explained(t, "bind-19")
	for _, says := range []string{"what answers at the endpoint has not been the API", "DYPLSQ_ENDPOINT"} {
		if !strings.Contains(e.Why+e.Remedy, says) {
			t.Errorf("explain does not say %q: %s. %s", says, e.Why, e.Remedy)
		}
	}
	g.broken.Store(false)
	named := bindRequest()
	named.PhoneNoX = "17000000077"
	if _, err := tasks.BindAXN.Enqueue(t.Context(), f.queue, named, tasks.TaskID("named")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	if _, err := tasks.BindAXN.Wait(ctx, f.queue, "named"); err != nil {
		t.Error(err)
	}
	f.logged(t, breaker.ClosedMessage(breakers.Endpoint))
}

// explained waits until a task that waits has its reason.
func (f *manyWorkersHarness) explained(t *testing.T, id string) (e tasks.Explanation) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, id+" to be held", func(ctx context.Context) (err error) {
		if e, err = f.queue.Explain(ctx, id); err == nil && !strings.Contains(e.Why, "endpoint") {
			return fmt.Errorf("%w: %s", errNotYet, e.Why)
		}
		return err
	})
	return e
}

func (f *manyWorkersHarness) logged(t *testing.T, text string) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the log to say "+text, func(context.Context) error {
		if !strings.Contains(f.log.String(), text) {
			return errNotYet
		}
		return nil
	})
}
