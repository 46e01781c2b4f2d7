package compat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// life is one task under a key: the number of its A, and as what it ends.
type life struct {
	a   int
	end tasks.State
}

// TestKeyReusedAfterItsRecordExpired: a key is free again when its record is gone, whatever asynq
// still has under it: a failed delivery stays in its archive for 90 days.
//
// Invariant: the key is then a new task, with the same request or another, that is performed once;
// nothing of its first life tells it an outcome, or keeps it from being delivered. Until the record
// is gone, another request under the key is refused.
func TestKeyReusedAfterItsRecordExpired(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Code: "isv.NO_AVAILABLE_NUMBER", Match: map[string]string{"PhoneNoA": phoneNoA(2)}},
	}})
	systemtest.Start(t, s.Env, "worker", "--keep", "1m")
	lives := map[string][]life{
		"succeeded":    {{1, tasks.StateSucceeded}, {11, tasks.StateSucceeded}, {1, tasks.StateSucceeded}},
		"same-again":   {{3, tasks.StateSucceeded}, {3, tasks.StateSucceeded}},
		"failed":       {{2, tasks.StateFailed}, {12, tasks.StateSucceeded}},
		"failed-twice": {{2, tasks.StateFailed}, {2, tasks.StateFailed}, {13, tasks.StateSucceeded}},
		"delivered":    {{4, tasks.StateSucceeded}, {14, tasks.StateSucceeded}},
	}
	took := 0
	for key, requests := range lives {
		for n, l := range requests {
			if n > 0 {
				forget(t, s, key)
			}
			if key == "delivered" && n > 0 { // a delivery of the first life is still to come
				deliver(t, s, key+".1", []byte(`{"v":1,"id":"`+key+`"}`), asynq.ProcessIn(time.Second))
			}
			live(t, s, key, l)
			if l.end == tasks.StateSucceeded {
				took++
			}
			if l.end == tasks.StateFailed {
				isInState(t, s, fmt.Sprint(key, ".", n+1), asynq.TaskStateArchived)
			}
		}
	}
	if n := s.AllPerformed(); n != took {
		t.Errorf("%d binds took effect, want %d", n, took)
	}
	t.Logf("%d keys, used %d times with success: %d binds took effect", len(lives), took, s.AllPerformed())
}

// live runs one task under a key to its end.
func live(t *testing.T, s *systemtest.System, key string, l life) {
	t.Helper()
	status := map[tasks.State]int{tasks.StateSucceeded: systemtest.StatusOK, tasks.StateFailed: systemtest.StatusFailed}[l.end]
	o := s.Enqueue(t, status, "BindAxn", systemtest.Bind(l.a, ""), "--id", key, "--wait", "30s")[0]
	if o.State != l.end || o.Calls != 1 {
		t.Errorf("%s with A %d: %s %s after %d calls", key, l.a, o.State, o.Code, o.Calls)
	}
	if done := s.Performed(key); l.end == tasks.StateSucceeded {
		last := done[len(done)-1]
		if last.Parameters["PhoneNoA"] != phoneNoA(l.a) || !strings.Contains(string(o.Result), last.SubsID) {
			t.Errorf("%s with A %d was told %s; the last that took effect is %s", key, l.a, o.Result, last.SubsID)
		}
	}
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(99, ""), "--id", key); r.Status != systemtest.StatusUsage || !strings.Contains(r.Errors, "PhoneNoA") {
		t.Errorf("%s with another request: exit status %d: %s", key, r.Status, r.Errors)
	}
	if ttl := s.Redis.Client(t).PTTL(t.Context(), "dypls:{"+key+"}").Val(); ttl <= 0 || ttl > time.Minute {
		t.Errorf("%s is kept for %s, want at most a minute", key, ttl)
	}
}

// forget lets the time pass for which a record is kept.
func forget(t *testing.T, s *systemtest.System, key string) {
	t.Helper()
	client, record := s.Redis.Client(t), "dypls:{"+key+"}"
	client.PExpire(t.Context(), record, time.Millisecond)
	redistest.Poll(t, systemtest.StartWithin, "the record to expire", func(ctx context.Context) error {
		if n, err := client.Exists(ctx, record).Result(); err != nil || n > 0 {
			return errors.Join(err, errors.New("it is there"))
		}
		return nil
	})
	if r := systemtest.Run(t, s.Env, "", "result", key); r.Status != systemtest.StatusUsage {
		t.Errorf("the result of a forgotten task: exit status %d: %s", r.Status, r.Out)
	}
}

// deliver hands something to asynq beside us.
func deliver(t *testing.T, s *systemtest.System, taskID string, payload []byte, options ...asynq.Option) {
	t.Helper()
	client := asynq.NewClientFromRedisClient(s.Redis.Client(t))
	options = append(options, asynq.Queue("bind"), asynq.TaskID(taskID))
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", payload), options...); err != nil {
		t.Fatal(err)
	}
}

// isInState waits until asynq has a delivery there.
func isInState(t *testing.T, s *systemtest.System, taskID string, want asynq.TaskState) {
	t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(s.Redis.Client(t))
	redistest.Poll(t, systemtest.StartWithin, taskID+" to be "+want.String(), func(context.Context) error {
		info, err := inspector.GetTaskInfo("bind", taskID)
		if err != nil {
			return err
		}
		if info.State != want {
			return errors.New(info.State.String())
		}
		return nil
	})
}

// phoneNoA is the A of a bind.
func phoneNoA(number int) string { return fmt.Sprintf("139%08d", number) }

// TestOneKeyFromTenProcesses: ten processes enqueue one key at the same moment.
//
// Invariant: it is one task and one call. With the same request, all are told the same id; with two
// requests, one of them is the task, and who comes with the other is refused and told why.
func TestOneKeyFromTenProcesses(t *testing.T) {
	t.Parallel()
	const processes = 10
	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	for key, requests := range map[string]int{"same": 1, "different": 2} {
		results := make([]systemtest.Result, processes)
		var running sync.WaitGroup
		for i := range processes {
			running.Go(func() {
				results[i] = systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(1+i%requests, ""), "--id", key, "--json", "--wait", "30s")
			})
		}
		running.Wait()
		done := s.Performed(key)
		if len(done) != 1 {
			t.Fatalf("%s: %d binds took effect", key, len(done))
		}
		told, refused := 0, 0
		for i, r := range results {
			mine := done[0].Parameters["PhoneNoA"] == phoneNoA(1+i%requests)
			switch {
			case mine && r.Status == systemtest.StatusOK && strings.Contains(r.Out, `"id":"`+key+`"`) && strings.Contains(r.Out, done[0].SubsID):
				told++
			case !mine && r.Status == systemtest.StatusUsage && strings.Contains(r.Errors, tasks.ErrKeyReused.Error()) && r.Out == "":
				refused++
			default:
				t.Errorf("%s, process %d: exit status %d: %s%s", key, i, r.Status, r.Out, r.Errors)
			}
		}
		if told != processes/requests {
			t.Errorf("%s: %d were told the outcome", key, told)
		}
		t.Logf("%s requests under one key from %d processes: 1 call, %d told its outcome, %d refused", key, processes, told, refused)
	}
}

// TestKnownFailureIsNoNewOne: a key is used again whose task has failed. What is told is that
// failure, since when it stands, and that nothing was tried; the outcome for programs stays as it
// was.
func TestKnownFailureIsNoNewOne(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.ILLEGAL_ARGUMENT"}}})
	s.Worker(t)
	const untried = "was not tried again: take a new key"
	enqueue := func(more ...string) systemtest.Result {
		t.Helper()
		return systemtest.Run(t, s.Env, "", append([]string{"enqueue", "BindAxn", systemtest.Bind(1, ""), "--id", "order-1", "--wait", "60s"}, more...)...)
	}
	first := enqueue("--json")
	if first.Status != systemtest.StatusFailed || strings.Contains(first.Errors, untried) {
		t.Fatalf("exit status %d: %s%s", first.Status, first.Out, first.Errors)
	}
	since := systemtest.ReadOutcomes(t, first.Out)[0].FinishedAt.Format(time.RFC3339)
	if again := enqueue("--json"); again.Out != first.Out || !strings.Contains(again.Errors, untried) || !strings.Contains(again.Errors, since) {
		t.Errorf("for programs: %s%s", again.Out, again.Errors)
	}
	if again := enqueue(); again.Status != systemtest.StatusFailed || !strings.Contains(again.Out, untried) || !strings.Contains(again.Out, since) {
		t.Errorf("for people: %s%s", again.Out, again.Errors)
	}
	if calls := len(s.Simulator.Ledger()); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
