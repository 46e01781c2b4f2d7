package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestDashboardButtons: what they do is what the record says afterwards.
func TestDashboardButtons(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.NO_AVAILABLE_NUMBER", Times: 2},
		{Match: map[string]string{"PhoneNoA": "13900000008"}, Do: dyplstest.DropAfter},
	}})
	s.Worker(t)
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, ""), "--id", "failed-1", "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, ""), "--id", "failed/2", "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(8, ""), "--id", "uncertain", "--wait", "20s")
	for _, id := range []string{"later-1", "later-2", "later-3", "later-4"} {
		s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--id", id, "--in", "1h")
	}
	api := s.Dash(t, "--allow-actions") + "api/queues/bind/"

	for _, refused := range []struct{ method, path string }{
		{http.MethodPost, "archived_tasks/uncertain.1:run"}, {http.MethodDelete, "archived_tasks/uncertain.1"},
	} {
		if status, text := systemtest.Do(t, refused.method, api+refused.path, ""); status != http.StatusConflict || !strings.Contains(text, "dyplsq resolve uncertain") {
			t.Errorf("%s %s: %d %s", refused.method, refused.path, status, text)
		}
	}
	if status, text := systemtest.Do(t, http.MethodPost, api+"archived_tasks:batch_run", `{"task_ids":["failed/2.1","uncertain.1"]}`); status != http.StatusOK ||
		text != `{"error_ids":["uncertain.1"],"pending_ids":["failed/2.1"]}` {
		t.Errorf("run two: %d %s", status, text)
	}
	if status, text := systemtest.Do(t, http.MethodPost, api+"archived_tasks/failed-1.1:run", ""); status != http.StatusNoContent {
		t.Errorf("run: %d %s", status, text)
	}
	becomes(t, s, "failed-1", tasks.StateSucceeded, "OK")
	becomes(t, s, "failed/2", tasks.StateSucceeded, "OK")

	for _, do := range []struct{ method, path string }{
		{http.MethodDelete, "scheduled_tasks/later-1.1"}, {http.MethodPost, "scheduled_tasks/later-2.1:archive"},
	} {
		if status, text := systemtest.Do(t, do.method, api+do.path, ""); status != http.StatusNoContent {
			t.Errorf("%s %s: %d %s", do.method, do.path, status, text)
		}
	}
	if status, text := systemtest.Do(t, http.MethodDelete, api+"scheduled_tasks:delete_all", ""); status != http.StatusOK || text != `{"deleted":2}` {
		t.Errorf("delete all: %d %s", status, text)
	}
	for _, id := range []string{"later-1", "later-2", "later-3", "later-4"} {
		becomes(t, s, id, tasks.StateFailed, dypls.CodeCanceled)
	}
	if status, text := systemtest.Do(t, http.MethodDelete, api+"archived_tasks:delete_all", ""); status != http.StatusOK || text != `{"deleted":1}` {
		t.Errorf("delete all that failed, and no uncertain one: %d %s", status, text)
	}
	becomes(t, s, "uncertain", tasks.StateUncertain, dypls.CodeNoAnswer)
	if n := len(s.Performed("uncertain")); n != 1 {
		t.Errorf("the uncertain bind was performed %d times", n)
	}
	if status, _ := systemtest.Do(t, http.MethodPost, strings.TrimSuffix(api, "/")+":pause", "", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a pause from another site: %d", status)
	}
	if status, text := systemtest.Do(t, http.MethodPost, strings.TrimSuffix(api, "/")+":pause", ""); status != http.StatusNoContent {
		t.Errorf("a pause: %d %s", status, text)
	}
	wantAudited(t, s, map[string]string{
		"uncertain": "asynq.run asynq.delete asynq.run asynq.delete", "failed-1": "asynq.run", "failed/2": "asynq.run",
		"later-1": "asynq.delete", "later-2": "asynq.archive asynq.delete", "later-3": "asynq.delete", "later-4": "asynq.delete",
		"bind": "asynq.pause",
	})
}

// wantAudited compares what was pressed, by the task or queue it was about: whatever came of it,
// and by whom it was.
func wantAudited(t *testing.T, s *systemtest.System, want map[string]string) {
	t.Helper()
	lines, _, err := audit.New(s.Redis.Client(t)).Read(t.Context(), audit.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	got, refused := map[string]string{}, map[string]int{}
	for _, e := range slices.Backward(lines) {
		switch {
		case e.By != "nobody" || e.Via != audit.Asynqmon:
			t.Errorf("%+v", e)
		case e.Detail[audit.Result] != "":
			refused[e.Target]++
		default:
			got[e.Target] = strings.TrimSpace(got[e.Target] + " " + e.Action)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if refused["uncertain"] != 4 || len(refused) != 1 {
		t.Errorf("refused: %v", refused)
	}
}

// TestRunIsNotLostWithItsDelivery: somebody wants a failed task to run, and whoever was handed it
// is gone before it could say so.
func TestRunIsNotLostWithItsDelivery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until the workers look for it")
	}
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.NO_AVAILABLE_NUMBER", Times: 1}}})
	w := s.Worker(t)
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, ""), "--id", "failed", "--wait", "60s")
	inspector := asynq.NewInspectorFromRedisClient(s.Redis.Client(t))
	redistest.Poll(t, systemtest.StartWithin, "the delivery to be archived", func(context.Context) error {
		info, err := inspector.GetTaskInfo("bind", "failed.1")
		if err == nil && info.State != asynq.TaskStateArchived {
			err = errors.New("not yet")
		}
		return err
	})
	w.Terminate(t, syscall.SIGTERM)
	api := s.Dash(t, "--allow-actions") + "api/queues/bind/"
	if status, text := systemtest.Do(t, http.MethodPost, api+"archived_tasks/failed.1:run", ""); status != http.StatusNoContent {
		t.Fatalf("run: %d %s", status, text)
	}
	if err := inspector.DeleteTask("bind", "failed.1"); err != nil {
		t.Fatal(err)
	}
	s.Worker(t)
	becomes(t, s, "failed", tasks.StateSucceeded, "OK")
	if n := len(s.Performed("failed")); n != 1 {
		t.Errorf("it took effect %d times", n)
	}
}

// becomes waits for a task to have an outcome.
func becomes(t *testing.T, s *systemtest.System, id string, state tasks.State, code string) {
	t.Helper()
	redistest.Poll(t, systemtest.StartWithin, id+" to be "+string(state), func(context.Context) error {
		if o := s.Outcome(t, id, "0s"); o.State != state || o.Code != code { //nolint:contextcheck // a command has the context of the test
			return errors.New("it is " + string(o.State) + " " + o.Code)
		}
		return nil
	})
}
