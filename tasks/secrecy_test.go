package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// asynq copies payloads into heartbeats, keeps them in its archive for 90 days, and its dashboard
// shows all of it. So none of what it holds has a number: of tasks that succeeded, failed, are
// retried, or are still to come.
func TestAsynqHoldsNoNumber(t *testing.T) { //nolint:gocognit // one story, told in its order
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		stop := startWorker(t, s.url, dyplstest.Fault{Action: "BindAxb", Code: "isp.SYSTEM_ERROR"})
		stopOnce := sync.OnceFunc(stop)
		defer stopOnce()
		request := axn()
		request.PoolKey, request.PhoneNoX = dyplstest.DefaultPoolKey, "17000000042"
		good, err := queuetest.ID(tasks.BindAXN.Enqueue(ctx, s.queue, request))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tasks.BindAXN.Wait(ctx, s.queue, good); err != nil {
			t.Fatal(err)
		}
		request.PhoneNoX = "17099999998" // not in the pool
		bad, err := queuetest.ID(tasks.BindAXN.Enqueue(ctx, s.queue, request))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tasks.BindAXN.Wait(ctx, s.queue, bad); err == nil {
			t.Fatal("the second succeeded")
		}
		axb := dypls.BindAXBRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: numberA, PhoneNoB: numberB, Expiration: inAnHour}
		// retried, and to come
		for _, option := range []tasks.Option{tasks.Within(time.Hour), tasks.ProcessIn(30 * time.Minute)} {
			if _, err := tasks.BindAXB.Enqueue(ctx, s.queue, axb, option); err != nil {
				t.Fatal(err)
			}
		}
		stopOnce()

		all := dump(t, s.client)
		numbers := []dypls.Phone{numberA, numberB, "17000000042", "17099999998"}
		inRecords := false
		for key, text := range all {
			for _, number := range numbers {
				if !strings.Contains(key+text, string(number)) {
					continue
				}
				inRecords = true
				if strings.HasPrefix(key, "asynq:") || strings.Contains(key, string(number)) {
					t.Errorf("%s holds a number: %q", key, text)
				}
			}
		}
		if !inRecords {
			t.Error("no record holds a number: the test looks for the wrong ones")
		}
		if len(s.deliveries(t, "bind")) < 3 {
			t.Error("asynq should hold one that failed, one that waits, and one to come")
		}
	})
}

// startWorker starts a worker on a Redis, and the simulated API that it calls. stop drains it.
func startWorker(t *testing.T, redisURL string, faults ...dyplstest.Fault) (stop func()) {
	t.Helper()
	sim := dyplstest.Start(t, dyplstest.Config{Faults: faults})
	api, err := aliyun.New(aliyun.Config{
		Endpoint: sim.URL(), Credentials: aliyun.StaticCredentials(sim.AccessKeyID, sim.AccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := worker.New(worker.Config{Redis: tasks.RedisConfig{URL: redisURL}, Caller: api, Concurrency: 8, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = api.Close()
	}
}

// dump returns all that a Redis holds, by key.
func dump(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	ctx := t.Context()
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		var value any
		switch kind := client.Type(ctx, key).Val(); kind {
		case "string":
			value, err = client.Get(ctx, key).Result()
		case "hash":
			value, err = client.HGetAll(ctx, key).Result()
		case "list":
			value, err = client.LRange(ctx, key, 0, -1).Result()
		case "set":
			value, err = client.SMembers(ctx, key).Result()
		case "zset":
			value, err = client.ZRangeWithScores(ctx, key, 0, -1).Result()
		case "stream":
			value, err = client.XRange(ctx, key, "-", "+").Result()
		case "none": // it has ended since
		default:
			t.Errorf("%s is a %s, which this test cannot read", key, kind)
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		all[key] = fmt.Sprint(value)
	}
	return all
}
