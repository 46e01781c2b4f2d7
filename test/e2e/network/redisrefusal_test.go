package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestWorkerLeavesADemotedMaster: behind a proxy that keeps connections to the old master and puts
// its refusal into other words, a worker goes on with the new one; a call that was out at the
// failover has its outcome there.
func TestWorkerLeavesADemotedMaster(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 3 * time.Second, Performed: true}}})
	replica := redistest.StartReplica(t, s.Redis)
	proxy := redistest.StartSwitchover(t, s.Redis)
	s.Env = append(s.Env, s.Redis.EnvBehind(proxy.Addr)...)
	_, url := s.ObservedWorker(t)
	systemtest.UntilReady(t, url)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "out")
	redistest.Poll(t, time.Minute, "the call to be out", s.IsOut("out"))
	copied := replica.Client(t)
	// this test is not about a loss
	redistest.Poll(t, time.Minute, "the replica to know of it", func(ctx context.Context) error {
		if noted, err := copied.HGet(ctx, record.Key("out"), "state").Result(); err != nil || noted != string(record.Calling) {
			return fmt.Errorf("it is %q: %w", noted, cmp.Or(err, errors.New("not noted")))
		}
		return nil
	})

	proxy.To(replica)
	replica.Promote(t)
	host, port, _ := net.SplitHostPort(replica.Addr)
	if err := s.Redis.Client(t).ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	moved := time.Now()
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "after", "--wait", "60s")
	t.Logf("a task that was enqueued after the failover was settled %s after it; %d refusals", time.Since(moved).Round(100*time.Millisecond), proxy.Refusals())
	if r := systemtest.Run(t, s.Env, "", "result", "out", "--wait", "60s"); r.Status != systemtest.StatusOK {
		t.Errorf("the call that was out: exit status %d: %s%s", r.Status, r.Out, r.Errors)
	}
	systemtest.UntilReady(t, url)
}

// TestWorkerOnAReplica is not ready, says why, once, and performs tasks as soon as it may write.
func TestWorkerOnAReplica(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	replica := redistest.StartReplica(t, s.Redis)
	s.Env = append(s.Env, replica.Env()...)
	p, url := s.ObservedWorker(t)
	redistest.Poll(t, time.Minute, "the refusal to be told", p.Wrote("Redis refuses commands; retrying: this Redis is a replica"))
	systemtest.UntilReady(t, url, "redis", "phase", "fetchers")
	if answer := systemtest.ReadinessAt(t, url); !strings.Contains(answer.Checks["redis"].Says, "point REDIS_URL at the master") {
		t.Errorf("not ready because of: %s", answer.Checks["redis"].Says)
	}
	if status, body := systemtest.Get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("alive on a replica: %d %s", status, body)
	}
	replica.Promote(t)
	systemtest.UntilReady(t, url)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "60s")

	redistest.Poll(t, time.Minute, "the end to be told", p.Wrote("Redis accepts commands again"))

	// demoted again, while it performs
	host, port, _ := net.SplitHostPort(s.Redis.Addr)
	if err := replica.Client(t).ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, time.Minute, "the refusal to be told again, and no worker to be ready", systemtest.Until(func() bool {
		answer := systemtest.ReadinessAt(t, url)
		return strings.Count(p.Text(), "Redis refuses commands; retrying") == 2 && !answer.Checks["redis"].OK
	}))
	replica.Promote(t)
	systemtest.UntilReady(t, url)
	if log := p.Text(); strings.Count(log, "Redis refuses commands; retrying") != 2 || strings.Contains(log, "eval error: READONLY") {
		t.Errorf("not told twice, or in asynq's words:\n%s", log)
	}
}
