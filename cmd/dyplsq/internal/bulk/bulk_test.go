package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// world is a queue on a real Redis, with tasks that ended as a test says.
type world struct {
	*testing.T
	server *redistest.Server
	client *redis.Client
	queue  *tasks.Queue
	store  record.Store
	log    *audit.Log
}

func newWorld(t *testing.T) world {
	t.Helper()
	server := redistest.Start(t)
	client := server.AppClient(t)
	return world{t, server, client, queuetest.On(t, client), record.NewStore(client), audit.New(client)}
}

// task makes one that is in a state.
func (w world) task(id string, state record.State, code string) {
	w.Helper()
	request := dypls.BindAXNRequest{
		PoolKey: "FC100000000001", PhoneNoA: "13800000001", Expiration: dypls.Time{Time: time.Now().Add(24 * time.Hour)},
	}
	if _, err := tasks.BindAXN.Enqueue(w.Context(), w.queue, request, tasks.TaskID(id)); err != nil {
		w.Fatal(err)
	}
	if state != record.Queued {
		w.end(id, state, code)
	}
}

// end runs a task to its outcome.
func (w world) end(id string, state record.State, code string) {
	w.Helper()
	begun, err := w.store.Begin(w.Context(), record.Run{
		ID: id, Run: "run " + code, Lease: time.Minute, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour,
	})
	if err != nil || begun.Fence == 0 {
		w.Fatalf("%+v, %v", begun, err)
	}
	e := record.Ending{ID: id, Fence: begun.Fence, State: state, Code: code, Counts: true, Sent: true, Keep: time.Hour}
	if _, err := w.store.Finish(w.Context(), e); err != nil {
		w.Fatal(err)
	}
}

func (w world) preview(verb bulk.Verb, filter string) bulk.Plan {
	w.Helper()
	f, err := bulk.ParseFilter(filter, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	plan, err := bulk.Preview(w.Context(), w.queue, verb, f)
	if err != nil {
		w.Fatal(err)
	}
	return plan
}

func (w world) states() map[string]string {
	w.Helper()
	found, all, err := w.queue.Find(w.Context(), tasks.Filter{}, bulk.Most)
	if err != nil || !all {
		w.Fatal(all, err)
	}
	states := map[string]string{}
	for _, f := range found {
		states[f.ID] = strings.TrimSpace(string(f.State) + " " + f.Code)
	}
	return states
}

var ops = bulk.Actor{By: "li", Via: audit.CLI, Reason: "the pool is full again"}

// TestChangesWhatWasCounted: a plan changes the tasks that it counted, none that came later, and
// none that is another than it was; the report and the audit tell of each of them.
func TestChangesWhatWasCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 250
	for n := range many {
		w.task(fmt.Sprint("x-", n), record.Failed, "isv.X")
	}
	w.task("y", record.Failed, "isv.Y")
	w.task("held", record.Uncertain, dypls.CodeNoAnswer)
	w.task("suspect", record.Failed, "isv.X") // a call of it may have taken effect
	w.client.HSet(t.Context(), record.Key("suspect"), "may_have_run", 1)
	plan := w.preview(bulk.Retry, "code=isv.X,state=failed,action=BindAxn,account=default,since=2h")
	if plan.Summary() != "250 tasks: 250 failed; 250 isv.X; 250 BindAxn" || plan.More || plan.Withheld != 1 {
		t.Errorf("%s", plan.Summary())
	}
	w.task("late", record.Failed, "isv.X")
	if again := w.preview(bulk.Retry, "code=isv.X"); again.Digest == plan.Digest || len(again.Tasks) != many+1 {
		t.Errorf("a plan of %d tasks has the digest of another", len(again.Tasks))
	}
	// Meanwhile one is gone, one runs again, and one failed with another code.
	w.client.Del(t.Context(), record.Key("x-7"))
	for _, id := range []string{"x-8", "x-9"} {
		if err := w.queue.Retry(t.Context(), id, "wang"); err != nil {
			t.Fatal(err)
		}
	}
	w.end("x-9", record.Failed, "isv.Z")
	seen := 0
	report, err := plan.Carry(t.Context(), w.log, ops, func(done int) { seen = done })
	if err != nil || report.Done != many-3 || report.Left != 0 || seen != many {
		t.Errorf("%+v, %v, seen %d", report, err, seen)
	}
	var differed []string
	for _, d := range report.Differed {
		differed = append(differed, d.ID+": "+d.Why)
	}
	slices.Sort(differed)
	want := []string{
		"x-7: its record is gone",
		"x-8: it is queued isv.X, and was counted as failed isv.X",
		"x-9: it is failed isv.Z, and was counted as failed isv.X",
	}
	if diff := cmp.Diff(want, differed); diff != "" {
		t.Error(diff)
	}
	states := w.states()
	for id, want := range map[string]string{"suspect": "failed isv.X", "late": "failed isv.X", "y": "failed isv.Y", "held": "uncertain dyplsq.NoAnswer", "x-9": "failed isv.Z"} {
		if states[id] != want {
			t.Errorf("%s is %s, want %s", id, states[id], want)
		}
	}
	for n := range many {
		if id := fmt.Sprint("x-", n); n != 7 && n != 9 && !strings.HasPrefix(states[id], "queued") {
			t.Errorf("%s is %q", id, states[id])
		}
	}
	w.wantAudited()
}

// wantAudited checks the lines of what [TestChangesWhatWasCounted] did.
func (w world) wantAudited() {
	w.Helper()
	const many = 250
	t := w.T
	lines, _, err := w.log.Read(t.Context(), audit.Filter{Action: audit.BulkRetry})
	if err != nil || len(lines) != 2 || lines[0].Detail["done"] != "247" || lines[0].Detail["differed"] != "3" || lines[1].Detail["count"] != "250" ||
		lines[1].Reason != ops.Reason || !strings.HasPrefix(lines[1].Target, "state=failed,code=isv.X,action=BindAxn,account=default,since=20") {
		t.Errorf("%+v, %v", lines, err)
	}
	each, _, err := w.log.Read(t.Context(), audit.Filter{Action: audit.Retry, Limit: 1000})
	if err != nil || len(each) != many-3 || each[0].Detail["bulk"] != lines[1].Detail["bulk"] {
		t.Errorf("%d lines of tasks, %v", len(each), err)
	}
	if name := lines[1].Detail["bulk"]; len(name) != 12 || strings.ContainsAny(name, "*0123456789") {
		t.Errorf("the lines are tied together by %q, which may be masked", name)
	}
	for _, e := range each {
		if slices.Contains([]string{"x-7", "x-8", "x-9"}, e.Target) || e.Detail[audit.Result] != "" {
			t.Errorf("%+v", e)
		}
	}
}

// TestVerbs: each verb does its own to the tasks to which it can be done, and to no others.
func TestVerbs(t *testing.T) {
	t.Parallel()
	for verb, want := range map[bulk.Verb]map[string]string{
		bulk.Cancel:    {"open": "failed dyplsq.Canceled", "failed": "failed isv.X", "held": "uncertain dyplsq.NoAnswer"},
		bulk.Retry:     {"open": "queued", "failed": "queued isv.X", "held": "uncertain dyplsq.NoAnswer"},
		bulk.Fail:      {"open": "queued", "failed": "failed isv.X", "held": "failed dyplsq.NoAnswer"},
		bulk.CallAgain: {"open": "queued", "failed": "failed isv.X", "held": "queued dyplsq.NoAnswer"},
	} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.task("open", record.Queued, "")
			w.task("failed", record.Failed, "isv.X")
			w.task("held", record.Uncertain, dypls.CodeNoAnswer)
			plan := w.preview(verb, "action=BindAxn")
			report, err := plan.Carry(t.Context(), w.log, ops, func(int) {})
			if err != nil || report.Done != 1 || len(report.Differed) != 0 {
				t.Errorf("%+v, %v", report, err)
			}
			if diff := cmp.Diff(want, w.states()); diff != "" {
				t.Error(diff)
			}
			// The same plan once more finds that nothing is as it was.
			if report, err = plan.Carry(t.Context(), w.log, ops, func(int) {}); err != nil || report.Done != 0 || len(report.Differed) != 1 {
				t.Errorf("once more: %+v, %v", report, err)
			}
			if diff := cmp.Diff(want, w.states()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStates: a verb refuses the states to which it cannot be done; many uncertain tasks are not
// tried again as if they had failed.
func TestStates(t *testing.T) {
	t.Parallel()
	for verb, refused := range map[bulk.Verb][]string{
		bulk.Cancel: {"failed", "uncertain", "succeeded", "calling"}, bulk.Retry: {"uncertain", "pending", "succeeded"},
		bulk.Fail: {"failed", "pending", "succeeded"}, bulk.CallAgain: {"failed", "pending", "succeeded"},
	} {
		for _, state := range refused {
			_, err := bulk.Preview(t.Context(), nil, verb, tasks.Filter{States: []tasks.State{tasks.State(state)}})
			if _, is := errors.AsType[*dypls.ValidationError](err); !is {
				t.Errorf("%s of %s: %v", verb, state, err)
			}
			if uncertain := state == "uncertain" && verb == bulk.Retry; uncertain && !strings.Contains(err.Error(), "bind twice") {
				t.Errorf("it does not say what that means: %v", err)
			}
		}
	}
}

// TestEndsEarly: whoever asked gives up, or the audit cannot be written: what was done is told, and
// nothing else is done.
func TestEndsEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 350
	for n := range many {
		w.task(fmt.Sprint("k-", n), record.Queued, "")
	}
	plan := w.preview(bulk.Cancel, "state=pending")
	ctx, cancel := context.WithCancel(t.Context())
	report, err := plan.Carry(ctx, w.log, ops, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || report.Done != 100 || report.Left != many-100 {
		t.Errorf("%+v, %v", report, err)
	}
	canceled := 0
	for _, is := range w.states() {
		if is == "failed dyplsq.Canceled" {
			canceled++
		}
	}
	if canceled != report.Done {
		t.Errorf("%d are canceled, and %d told", canceled, report.Done)
	}
	lines, _, err := w.log.Read(t.Context(), audit.Filter{Action: audit.BulkCancel})
	if err != nil || len(lines) != 2 || lines[0].Detail["done"] != "100" || lines[0].Detail["left"] != "250" || lines[0].Detail[audit.Result] == audit.Done {
		t.Errorf("%+v, %v", lines, err)
	}
	own := w.server.Client(t)
	own.Del(t.Context(), audit.Key)
	own.Set(t.Context(), audit.Key, "no stream", 0)
	before := w.states()
	report, err = w.preview(bulk.Cancel, "state=pending").Carry(t.Context(), w.log, ops, func(int) {})
	if !errors.Is(err, audit.ErrNotWritten) || report.Done != 0 || report.Left != many-100 {
		t.Errorf("%+v, %v", report, err)
	}
	if diff := cmp.Diff(before, w.states()); diff != "" {
		t.Error(diff)
	}
}

// TestParseFilter: everything wrong with a filter is told at once, and no number is repeated.
func TestParseFilter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	f, err := bulk.ParseFilter(" state=failed, state=uncertain,code=isv.X,action=BindAxn,account=shop,since=2h", now)
	want := tasks.Filter{
		States: []tasks.State{"failed", "uncertain"}, Code: "isv.X", Action: "BindAxn", Account: "shop", Since: now.Add(-2 * time.Hour),
	}
	if diff := cmp.Diff(want, f); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if text := bulk.FilterText(f); text != "state=failed,state=uncertain,code=isv.X,action=BindAxn,account=shop,since=2026-11-30T06:00:00Z" {
		t.Error(text)
	}
	for text, problems := range map[string]int{
		"": 1, "failed": 1, "state": 1, "state=": 1, "phone=13800000001": 1, "since=2": 1, "since=-2h": 1, "code=a,code=b": 1,
		"13800000001,code=,when=2h,since=soon": 4,
	} {
		_, err := bulk.ParseFilter(text, now)
		invalid, is := errors.AsType[*dypls.ValidationError](err)
		if !is || len(invalid.Problems) != problems || strings.Contains(err.Error(), "13800000001") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
