package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// press sends what a button of the dashboard sends, and returns the status and the answer.
func press(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

// TestDashboardButtons: what they do is what the record says afterwards.
func TestDashboardButtons(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.NO_AVAILABLE_NUMBER", Times: 2},
		{Match: map[string]string{"PhoneNoA": "13900000008"}, Do: dyplstest.DropAfter},
	}})
	s.worker(t)
	s.enqueue(t, statusFailed, "BindAxn", bind(9, ""), "--id", "failed-1", "--wait", "20s")
	s.enqueue(t, statusFailed, "BindAxn", bind(9, ""), "--id", "failed/2", "--wait", "20s")
	s.enqueue(t, statusFailed, "BindAxn", bind(8, ""), "--id", "uncertain", "--wait", "20s")
	for _, id := range []string{"later-1", "later-2", "later-3", "later-4"} {
		s.enqueue(t, statusOK, "BindAxn", bind(7, ""), "--id", id, "--in", "1h")
	}
	api := s.dash(t, "--allow-actions") + "api/queues/bind/"

	for _, refused := range []struct{ method, path string }{
		{http.MethodPost, "archived_tasks/uncertain.1:run"}, {http.MethodDelete, "archived_tasks/uncertain.1"},
	} {
		if status, text := press(t, refused.method, api+refused.path, ""); status != http.StatusConflict || !strings.Contains(text, "dyplsq resolve uncertain") {
			t.Errorf("%s %s: %d %s", refused.method, refused.path, status, text)
		}
	}
	if status, text := press(t, http.MethodPost, api+"archived_tasks:batch_run", `{"task_ids":["failed/2.1","uncertain.1"]}`); status != http.StatusOK ||
		text != `{"error_ids":["uncertain.1"],"pending_ids":["failed/2.1"]}` {
		t.Errorf("run two: %d %s", status, text)
	}
	if status, text := press(t, http.MethodPost, api+"archived_tasks/failed-1.1:run", ""); status != http.StatusNoContent {
		t.Errorf("run: %d %s", status, text)
	}
	s.becomes(t, "failed-1", tasks.StateSucceeded, "OK")
	s.becomes(t, "failed/2", tasks.StateSucceeded, "OK")

	for _, do := range []struct{ method, path string }{
		{http.MethodDelete, "scheduled_tasks/later-1.1"}, {http.MethodPost, "scheduled_tasks/later-2.1:archive"},
	} {
		if status, text := press(t, do.method, api+do.path, ""); status != http.StatusNoContent {
			t.Errorf("%s %s: %d %s", do.method, do.path, status, text)
		}
	}
	if status, text := press(t, http.MethodDelete, api+"scheduled_tasks:delete_all", ""); status != http.StatusOK || text != `{"deleted":2}` {
		t.Errorf("delete all: %d %s", status, text)
	}
	for _, id := range []string{"later-1", "later-2", "later-3", "later-4"} {
		s.becomes(t, id, tasks.StateFailed, dypls.CodeCanceled)
	}
	if status, text := press(t, http.MethodDelete, api+"archived_tasks:delete_all", ""); status != http.StatusOK || text != `{"deleted":1}` {
		t.Errorf("delete all that failed, and no uncertain one: %d %s", status, text)
	}
	s.becomes(t, "uncertain", tasks.StateUncertain, dypls.CodeNoAnswer)
	if n := len(s.performed("uncertain")); n != 1 {
		t.Errorf("the uncertain bind was performed %d times", n)
	}
	if status, _ := press(t, http.MethodPost, strings.TrimSuffix(api, "/")+":pause", "", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a pause from another site: %d", status)
	}
	if status, text := press(t, http.MethodPost, strings.TrimSuffix(api, "/")+":pause", ""); status != http.StatusNoContent {
		t.Errorf("a pause: %d %s", status, text)
	}
}

// TestRunIsNotLostWithItsDelivery: somebody wants a failed task to run, and whoever was handed it is gone before it could say so.
func TestRunIsNotLostWithItsDelivery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until the workers look for it")
	}
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.NO_AVAILABLE_NUMBER", Times: 1}}})
	w := s.worker(t)
	s.enqueue(t, statusFailed, "BindAxn", bind(9, ""), "--id", "failed", "--wait", "60s")
	inspector := asynq.NewInspectorFromRedisClient(s.redis.Client(t))
	redistest.Poll(t, startWithin, "the delivery to be archived", func(context.Context) error {
		info, err := inspector.GetTaskInfo("bind", "failed.1")
		if err == nil && info.State != asynq.TaskStateArchived {
			err = errors.New("not yet")
		}
		return err
	})
	w.terminate(t, syscall.SIGTERM)
	api := s.dash(t, "--allow-actions") + "api/queues/bind/"
	if status, text := press(t, http.MethodPost, api+"archived_tasks/failed.1:run", ""); status != http.StatusNoContent {
		t.Fatalf("run: %d %s", status, text)
	}
	if err := inspector.DeleteTask("bind", "failed.1"); err != nil {
		t.Fatal(err)
	}
	s.worker(t)
	s.becomes(t, "failed", tasks.StateSucceeded, "OK")
	if n := len(s.performed("failed")); n != 1 {
		t.Errorf("it took effect %d times", n)
	}
}

// becomes waits for a task to have an outcome.
func (s *system) becomes(t *testing.T, id string, state tasks.State, code string) {
	t.Helper()
	redistest.Poll(t, startWithin, id+" to be "+string(state), func(context.Context) error {
		if o := s.outcome(t, id, "0s"); o.State != state || o.Code != code { //nolint:contextcheck // a command has the context of the test
			return errors.New("it is " + string(o.State) + " " + o.Code)
		}
		return nil
	})
}
