package tasks_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// server is a Redis that a test has to itself, a queue on it, and what it takes to play the worker.
type server struct {
	url    string
	queue  *tasks.Queue
	client *redis.Client
	store  record.Store
	asynq  *asynq.Inspector
}

// onEachServer runs a test on miniredis, which a machine with Go alone has, and on a real Redis.
func onEachServer(t *testing.T, test func(t *testing.T, s server)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, onMiniredis(t))
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, newServer(t, redistest.Start(t).URL()))
	})
}

func onMiniredis(tb testing.TB) server {
	tb.Helper()
	// Its scripts are slow, more so under the race detector.
	return newPatientServer(tb, "redis://"+miniredis.RunT(tb).Addr()+"/0", slowly)
}

func newServer(tb testing.TB, url string) server {
	tb.Helper()
	return newPatientServer(tb, url, "?pool_timeout=2m")
}

// slowly are parameters for a server, or a machine, that is slow.
const slowly = "?read_timeout=2m&write_timeout=2m&pool_timeout=2m"

func newPatientServer(tb testing.TB, url, parameters string) server {
	tb.Helper()
	options, err := tasks.ParseRedisURL(url + parameters)
	if err != nil {
		tb.Fatal(err)
	}
	client := redis.NewClient(options)
	tb.Cleanup(func() { _ = client.Close() })
	return server{url, open(tb, url+parameters), client, record.NewStore(client), asynq.NewInspectorFromRedisClient(client)}
}

func open(tb testing.TB, url string) *tasks.Queue {
	tb.Helper()
	return queuetest.New(tb, tasks.Config{Redis: tasks.RedisConfig{URL: url}})
}

// Numbers that nobody has, and which no other text of a test contains.
const (
	numberA dypls.Phone = "15012345671"
	numberB dypls.Phone = "15812345672"
	numberX dypls.Phone = "17012345673"
)

// inAnHour is one instant for all, so that two requests are the same.
var inAnHour = dypls.At(time.Now().Add(time.Hour))

func axn() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Expiration: inAnHour}
}

func recording() dypls.QueryRecordFileDownloadURLRequest {
	return dypls.QueryRecordFileDownloadURLRequest{PoolKey: "FC1", CallID: "c1", CallTime: dypls.At(time.Now().Add(-time.Minute))}
}

// begin plays a worker that is about to call.
func (s server) begin(tb testing.TB, id string) record.Begun {
	tb.Helper()
	begun, err := s.store.Begin(context.Background(), record.Run{
		ID: id, Run: uuid.NewString(), Lease: time.Minute, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour,
	})
	if err != nil || begun.Verdict != record.Go {
		tb.Fatalf("begin %s: %+v, %v", id, begun, err)
	}
	return begun
}

// settle plays a worker that performs a task.
func (s server) settle(tb testing.TB, id string, e record.Ending) {
	tb.Helper()
	e.ID, e.Fence, e.Counts, e.Sent, e.Keep = id, s.begin(tb, id).Fence, true, true, time.Hour
	if verdict, err := s.store.Finish(context.Background(), e); err != nil || verdict != record.Done {
		tb.Fatalf("finish %s: %s, %v", id, verdict, err)
	}
}

// bind plays a worker that binds X.
func (s server) bind(tb testing.TB, id string, binding dypls.Binding) {
	tb.Helper()
	result, err := json.Marshal(binding)
	if err != nil {
		tb.Fatal(err)
	}
	s.settle(tb, id, record.Ending{State: record.Succeeded, Code: "OK", Message: "OK", RequestID: "R1", Result: result, SubsID: binding.SubsID})
}

func (s server) fail(tb testing.TB, id string) {
	tb.Helper()
	s.settle(tb, id, record.Ending{State: record.Failed, Code: "isv.ILLEGAL_ARGUMENT", Message: "no", Class: "Rejected", RequestID: "R2"})
}

func (s server) enqueue(tb testing.TB, options ...tasks.Option) string {
	tb.Helper()
	id, err := queuetest.ID(tasks.BindAXN.Enqueue(context.Background(), s.queue, axn(), options...))
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// deliveries returns all that asynq holds of a queue, whatever its state.
func (s server) deliveries(tb testing.TB, queue string) (infos []*asynq.TaskInfo) {
	tb.Helper()
	list := []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		s.asynq.ListPendingTasks, s.asynq.ListScheduledTasks, s.asynq.ListRetryTasks, s.asynq.ListArchivedTasks, s.asynq.ListActiveTasks,
	}
	for _, list := range list {
		some, err := list(queue, asynq.PageSize(10_000))
		if err != nil {
			tb.Fatalf("list %s: %v", queue, err)
		}
		infos = append(infos, some...)
	}
	return infos
}

func (s server) deadline(tb testing.TB, id string) time.Time {
	tb.Helper()
	ms, err := s.client.HGet(context.Background(), record.Key(id), "deadline").Int64()
	if err != nil {
		tb.Fatal(err)
	}
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
