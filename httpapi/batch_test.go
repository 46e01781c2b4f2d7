package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func batchOf(tasks ...string) string { return `{"tasks":[` + strings.Join(tasks, ",") + `]}` }

// TestBatch: tasks of several actions are taken together, told again when they are known, and all
// refused where one is wrong.
func TestBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	unbind := `{"action":"UnbindSubscription","id":"unbind","request":{"BindTaskID":"bind"}}`
	var told enqueuedBatch
	got := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(bind("bind", ""), unbind))
	want := []Enqueued{{ID: "bind", Action: "BindAxn", State: "pending"}, {ID: "unbind", Action: "UnbindSubscription", State: "pending"}}
	if got.into(t, &told); got.Status != http.StatusAccepted || cmp.Diff(want, told.Tasks) != "" {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got = w.do(http.MethodGet, "/v1/tasks/unbind?wait=60s", ""); !strings.Contains(got.Body, "succeeded") {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var bound struct {
		State tasks.State
		Code  string
	}
	w.do(http.MethodGet, "/v1/tasks/bind?wait=60s", "").into(t, &bound)
	if bound.State != tasks.StateSucceeded && bound.Code != dypls.CodeCanceled { // by the unbind, where that came first
		t.Errorf("%+v", bound)
	}
	got = w.do(http.MethodPost, "/v1/tasks:batch", batchOf(unbind, bind("bind", "")))
	want = []Enqueued{{ID: "unbind", Action: "UnbindSubscription", State: "succeeded", Known: true}, {ID: "bind", Action: "BindAxn", State: bound.State, Known: true}}
	if got.into(t, &told); got.Status != http.StatusOK || cmp.Diff(want, told.Tasks) != "" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got = w.do(http.MethodPost, "/v1/tasks:batch", batchOf(bind("bind", ""), bind("new", ""))); got.Status != http.StatusAccepted {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	other := strings.Replace(bind("bind", ""), numberA, numberB, 1)
	got = w.do(http.MethodPost, "/v1/tasks:batch", batchOf(bind("never", ""), other))
	if p := got.problem(t); got.Status != http.StatusConflict || len(p.Errors) != 1 || p.Errors[0].Field != "PhoneNoA" || *p.Errors[0].Item != 1 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	wrong := batchOf(
		bind("never", ""), `{}`, bind("-"+numberA, ""), `{"action":"BindAxn","request":{"PoolKey":"FC1"}}`, `7`, strings.Replace(bind("never2", ""), numberA, "1", 1),
		bind("never", `,"callback":"x"`), other,
	)
	got = w.do(http.MethodPost, "/v1/tasks:batch", wrong)
	items := map[int]bool{}
	for _, e := range got.problem(t).Errors {
		items[*e.Item] = true
	}
	if diff := cmp.Diff(map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}, items); got.Status != http.StatusUnprocessableEntity || diff != "" {
		t.Errorf("%d %s %s", got.Status, diff, got.Body)
	}
	if strings.Contains(got.Body, "12345678") {
		t.Errorf("it shows a number: %s", got.Body)
	}
	if got = w.do(http.MethodGet, "/v1/tasks/never", ""); got.Status != http.StatusNotFound {
		t.Errorf("a part of a refused batch is recorded: %s", got.Body)
	}
}

// TestBatchIsBounded: 1,000 tasks are taken, and no more; a key for all of them is none.
func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := make([]string, mostTasks)
	for i := range many {
		many[i] = fmt.Sprintf(`{"action":"BindAxn","request":{"PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"}}`, dyplstest.DefaultPoolKey, i)
	}
	var told enqueuedBatch
	got := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(many...))
	if got.into(t, &told); got.Status != http.StatusAccepted || len(told.Tasks) != mostTasks || told.Tasks[999].ID == "" {
		t.Errorf("%d %d", got.Status, len(told.Tasks))
	}
	for name, body := range map[string]string{
		"too many": batchOf(slices.Concat(many, many[:1])...), "none": batchOf(), "null": `{"tasks":null}`, "no list": `{"tasks":{}}`, "nothing": `{}`, "twice": `{"tasks":[],"tasks":[]}`, "a list": `[]`,
	} {
		if got := w.do(http.MethodPost, "/v1/tasks:batch", body); got.kindOf(t) != "invalid" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(many[0]), headerKey, "x"); got.problem(t).Errors[0].Field != headerKey {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	large := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(strings.Repeat(" ", maxBatchBody)))
	if large.kindOf(t) != "too-large" {
		t.Errorf("%d", large.Status)
	}
}

// TestBatchWithoutRedis: the keys of tasks that had none come with the refusal.
func TestBatchWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutRedis)
	w.redis.Kill()
	keyless := strings.Replace(bind("-", ""), `"id":"-",`, "", 1)
	got := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(keyless, keyless))
	if p := got.problem(t); got.Status != http.StatusServiceUnavailable || len(p.IDs) != 2 || p.IDs[0] == "" || p.IDs[1] == p.IDs[0] {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
