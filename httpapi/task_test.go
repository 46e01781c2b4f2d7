package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestTask: a task is posted, waited for, and posted again.
func TestTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	posted := w.do(http.MethodPost, "/v1/tasks", bind("shop/order", ""))
	var told Enqueued
	posted.into(t, &told)
	if diff := cmp.Diff(Enqueued{ID: "shop/order", Action: "BindAxn", State: "pending"}, told); posted.Status != http.StatusAccepted || diff != "" {
		t.Fatalf("%d %s", posted.Status, diff)
	}
	if location := posted.Header.Get("Location"); location != "/v1/tasks/shop%2Forder" {
		t.Errorf("Location %s", location)
	}
	got := w.do(http.MethodGet, posted.Header.Get("Location")+"?wait=60s", "")
	var o outcome
	got.into(t, &o)
	if got.Status != http.StatusOK || o.State != "succeeded" || o.ID != "shop/order" || !strings.Contains(string(o.Result), `"SecretNo":"170`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	again := w.do(http.MethodPost, "/v1/tasks", bind("shop/order", ""), "Idempotency-Key", `"shop/order"`)
	again.into(t, &told)
	if again.Status != http.StatusOK || !told.Known || told.State != "succeeded" {
		t.Errorf("%d %s", again.Status, again.Body)
	}
	other := w.do(http.MethodPost, "/v1/tasks", strings.Replace(bind("shop/order", ""), numberA, numberB, 1))
	p := other.problem(t)
	want := []FieldError{{Field: "PhoneNoA", Rule: "differs from what is recorded under this key", Remedy: "use a new key for a new request, or repeat the request as it was"}}
	if diff := cmp.Diff(want, p.Errors); other.Status != http.StatusConflict || diff != "" {
		t.Errorf("%d %s", other.Status, diff)
	}
	for name, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "application/json"} {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	if log := w.log.String(); strings.Contains(log, w.all) || strings.Contains(log, "shop") || strings.Contains(log, "12345678") ||
		!strings.Contains(log, `"token":"everything","method":"GET","route":"/v1/tasks/{id}","status":200`) {
		t.Errorf("the log: %s", log)
	}
}

// TestKeys: a key is given in one way, or in two that agree; without one, a key is made.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keyless := strings.Replace(bind("-", ""), `"id":"-",`, "", 1)
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
		id      string
	}{
		"none":           {keyless, nil, 202, ""},
		"header":         {keyless, []string{headerKey, "by-header"}, 202, "by-header"},
		"quoted":         {keyless, []string{headerKey, `"quoted"`}, 202, "quoted"},
		"both":           {bind("both", ""), []string{headerKey, "both"}, 202, "both"},
		"both differing": {bind("one", ""), []string{headerKey, "two"}, 422, ""},
		"two headers":    {keyless, []string{headerKey, "a", headerKey, "b"}, 422, ""},
		"a list":         {keyless, []string{headerKey, "a, b"}, 422, ""},
		"a number":       {keyless, []string{headerKey, "order-" + numberA}, 422, ""},
		"an empty id":    {bind("", ""), nil, 422, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(http.MethodPost, "/v1/tasks", test.body, test.headers...)
			if got.Status != test.status {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if got.Status == http.StatusUnprocessableEntity {
				if strings.Contains(got.Body, "12345678") {
					t.Errorf("it shows a number: %s", got.Body)
				}
				return
			}
			var told Enqueued
			got.into(t, &told)
			if test.id != "" && told.ID != test.id || told.ID == "" {
				t.Errorf("id %q", told.ID)
			}
		})
	}
}

// TestIDsInPaths: an id is one segment, percent-encoded where it has to be.
func TestIDsInPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"a", "a/b", "a//b", "..", ".", "a/../b", "x:resolve", ":resolve", "@a:b", "v1/tasks", strings.Repeat("x", 128)} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			posted := w.do(http.MethodPost, "/v1/tasks", bind(id, `,"in":"1h"`))
			path := posted.Header.Get("Location")
			got := w.do(http.MethodGet, path, "")
			var o outcome
			got.into(t, &o)
			if posted.Status != http.StatusAccepted || got.Status != http.StatusOK || o.ID != id || o.State != "pending" {
				t.Errorf("%s: %d, %d %s", path, posted.Status, got.Status, got.Body)
			}
			if got = w.do(http.MethodPost, path+":resolve", `{"as":"failed"}`); got.kindOf(t) != "not-uncertain" || got.problem(t).State != "pending" {
				t.Errorf("%s: %s", path, got.Body)
			}
			if got = w.do(http.MethodDelete, path, ""); got.Status != http.StatusOK || !strings.Contains(got.Body, "dyplsq.Canceled") {
				t.Errorf("%s: %d %s", path, got.Status, got.Body)
			}
		})
	}
}

// TestCancel: a task is withdrawn once, and not when it is over.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueued("waits")
	for range 2 {
		var o outcome
		got := w.do(http.MethodDelete, "/v1/tasks/waits", "")
		if got.into(t, &o); got.Status != http.StatusOK || o.State != "failed" || o.Code != "dyplsq.Canceled" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	if got := w.do(http.MethodDelete, "/v1/tasks/nobody", ""); got.kindOf(t) != "unknown-task" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.enqueued("works")
	w.work()
	if got := w.do(http.MethodGet, "/v1/tasks/works?wait=1m", ""); !strings.Contains(got.Body, "succeeded") {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	got := w.do(http.MethodDelete, "/v1/tasks/works", "")
	if p := got.problem(t); got.Status != http.StatusConflict || p.State != "succeeded" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// TestResolve: what is uncertain is settled once, in the name of the token unless another is given.
func TestResolve(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 2}}})
	w.work()
	for id, test := range map[string]struct{ body, state string }{
		"took-effect": {`{"as":"succeeded","result":{"SubsId":"1","SecretNo":"17000000009"},"by":"Wang Wei"}`, "succeeded"},
		"did-not":     {`{"as":"failed"}`, "failed"},
	} {
		w.enqueued(id)
		path := "/v1/tasks/" + id
		if got := w.do(http.MethodGet, path+"?wait=60s", ""); !strings.Contains(got.Body, `"state":"uncertain"`) {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		for _, wrong := range []string{
			`{}`, `{"as":"maybe"}`, `{"as":"failed","result":{}}`, `{"as":"succeeded"}`, `{"as":"succeeded","result":{"SubsId":"1"}}`,
			`{"as":"failed","by":"` + numberA + `"}`, `{"as":"failed","by":""}`, `{"as":"failed","who":"me"}`, `[]`,
		} {
			if got := w.do(http.MethodPost, path+":resolve", wrong); got.Status != http.StatusUnprocessableEntity || strings.Contains(got.Body, "12345678") {
				t.Errorf("%s: %d %s", wrong, got.Status, got.Body)
			}
		}
		got := w.do(http.MethodPost, path+":resolve", test.body)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `"state":"`+test.state+`"`) {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		if got = w.do(http.MethodPost, path+":resolve", `{"as":"retry"}`); got.Status != http.StatusConflict || got.problem(t).State != test.state {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
}

// TestWaitIsBounded: a wait ends with its time, and with the server's; what is pending is answered
// as such.
func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueued("stays")
	if got := w.do(http.MethodGet, "/v1/tasks/stays?wait=10ms", ""); got.Status != http.StatusOK || !strings.Contains(got.Body, `"state":"pending"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for _, wrong := range []string{"wait=61s", "wait=-1s", "wait=30", "wait=1s&wait=2s", "Wait=1s", "wait=%zz", "a=" + numberA, numberA + "=1"} {
		if got := w.do(http.MethodGet, "/v1/tasks/stays?"+wrong, ""); got.kindOf(t) != "invalid" || strings.Contains(got.Body, "12345678") {
			t.Errorf("%s: %d %s", wrong, got.Status, got.Body)
		}
	}
	answered := make(chan answer, 1)
	go func() { answered <- w.do(http.MethodGet, "/v1/tasks/stays?wait=60s", "") }()
	redistest.Poll(t, within, "the request to wait", systemtest.Until(func() bool { return w.api.waits.open() == 1 }))
	began := time.Now()
	w.api.Drain()
	if got := <-answered; got.Status != http.StatusOK || !strings.Contains(got.Body, `"state":"pending"`) || time.Since(began) > 30*time.Second {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := w.do(http.MethodGet, "/v1/tasks/stays?wait=60s", ""); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// TestRedisAway: while Redis is away a request is refused soon, with a key under which it may be
// repeated, and repeating it doubles nothing.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutRedis)
	w.enqueued("before")
	w.redis.Kill()
	for path, method := range map[string]string{"/v1/tasks/before": "GET", "/v1/tasks/before?wait=30s": "GET", "/v1/tasks/other": "DELETE"} {
		got := w.do(method, path, "")
		if got.kindOf(t) != "redis-unreachable" || got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	keyless := strings.Replace(bind("-", ""), `"id":"-",`, "", 1)
	got := w.do(http.MethodPost, "/v1/tasks", keyless)
	p := got.problem(t)
	if got.Status != http.StatusServiceUnavailable || len(p.IDs) != 1 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got = w.do(http.MethodGet, "/readyz", ""); got.Status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got = w.do(http.MethodGet, "/healthz", ""); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.redis.Restart(t)
	redistest.Poll(t, within, "the API to be ready", systemtest.Until(func() bool { return w.do(http.MethodGet, "/readyz", "").Status == http.StatusOK }))
	for _, status := range []int{http.StatusAccepted, http.StatusOK} {
		if got = w.do(http.MethodPost, "/v1/tasks", keyless, headerKey, p.IDs[0]); got.Status != status {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
}
