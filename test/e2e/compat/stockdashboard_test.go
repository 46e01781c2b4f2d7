package compat

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynqmon"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestStockDashboardShowsNobodysNumber: asynqmon as it comes, pointed at the same Redis, shows
// nobody's number, while calls are out and afterwards.
func TestStockDashboardShowsNobodysNumber(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.NO_AVAILABLE_NUMBER"},
		{Match: map[string]string{"PhoneNoA": "13900000008"}, Do: dyplstest.DropAfter},
		{Match: map[string]string{"PhoneNoA": "13900000006"}, Code: "isv.FLOW_LIMIT"},
		{Match: map[string]string{"PhoneNoA": "13900000005"}, Do: dyplstest.Slow, Delay: 9 * time.Second},
	}})
	s.Worker(t)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, ""), "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(8, ""), "--wait", "20s")
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--in", "1h")
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(6, ""))
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(5, ""), "--id", "slow")

	stock := asynqmon.New(asynqmon.Options{RedisConnOpt: s.AsynqRedis()})
	t.Cleanup(func() { _ = stock.Close() })
	get := func(path string) string {
		recorder := httptest.NewRecorder()
		stock.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, recorder.Code, recorder.Body)
		}
		return recorder.Body.String()
	}
	redistest.Poll(t, systemtest.StartWithin, "a call to be out, and its server's next heartbeat", func(context.Context) error {
		if !strings.Contains(get("/api/servers"), `"slow.1"`) {
			return errors.New("no server has said so")
		}
		return nil
	})
	paths := []string{"/api/queues", "/api/servers", "/api/scheduler_entries", "/api/redis_info", "/api/queue_stats", "/api/queues/bind/tasks/slow.1"}
	for _, list := range []string{"active", "pending", "scheduled", "retry", "archived", "completed"} {
		paths = append(paths, "/api/queues/bind/"+list+"_tasks")
	}
	var all strings.Builder
	for _, path := range paths {
		text := get(path)
		systemtest.NoNumbers(t, path, text)
		all.WriteString(text)
	}
	for _, text := range []string{"isv.NO_AVAILABLE_NUMBER (Exhausted)", "dyplsq.NoAnswer (Uncertain)", `"slow.1"`, `\"id\"`} {
		if !strings.Contains(all.String(), text) {
			t.Errorf("asynqmon does not show %q: it was not asked for what there is", text)
		}
	}
}
