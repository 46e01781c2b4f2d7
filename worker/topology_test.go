package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// topologyHarness is a worker on any Redis, and an application beside it.
type topologyHarness struct {
	queue     *tasks.Queue
	simulator *dyplstest.Simulator
	log       *logtest.Log
}

// dial makes a client as an application does.
func dial(t *testing.T, config tasks.RedisConfig) redis.UniversalClient {
	t.Helper()
	client, err := config.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func build(t *testing.T, config tasks.RedisConfig) *topologyHarness {
	t.Helper()
	api := dyplstest.Start(t, dyplstest.Config{})
	p := &topologyHarness{queue: queuetest.On(t, dial(t, config)), simulator: api.Simulator, log: &logtest.Log{}}
	t.Cleanup(func() { _ = p.queue.Close() })
	w, err := New(Config{Redis: config, Caller: callerOf(t, api), Logger: zerolog.New(p.log), Concurrency: 8, Fetchers: 1})
	if err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, w, p.log)
	return p
}

// binds enqueues a task for each id, again while Redis is away, and waits until each has succeeded.
func (p *topologyHarness) binds(t *testing.T, ids ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	request := bindRequest() // the same each time
	var binding sync.WaitGroup
	for _, id := range ids {
		binding.Go(func() {
			redistest.Poll(t, outcomeWithin, "Redis to take "+id, func(context.Context) error { //nolint:contextcheck // the one of all of them
				_, err := tasks.BindAXN.Enqueue(ctx, p.queue, request, tasks.TaskID(id))
				return err
			})
			for {
				o, err := p.queue.Wait(ctx, id)
				if err == nil {
					if o.State != tasks.StateSucceeded {
						t.Errorf("%s: %+v", id, o)
					}
					return
				}
				if ctx.Err() != nil {
					t.Errorf("wait for %s: %v", id, err)
					return
				}
			}
		})
	}
	binding.Wait()
}

// performed compares what the simulator did with what was asked for.
func (p *topologyHarness) performed(t *testing.T, want int) {
	t.Helper()
	n := 0
	for _, e := range p.simulator.Ledger() {
		if e.Performed {
			n++
		}
	}
	if n != want {
		t.Errorf("%d calls performed, want %d", n, want)
	}
}

// TestSentinelFailover: a master is killed between two binds, and a third bind is made after it
// came back as a replica.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	site := redistest.StartSentinel(t)
	p := build(t, tasks.RedisConfig{URL: site.URL()})
	p.binds(t, "before")
	killed, at := site.KillMaster(t), time.Now()
	p.binds(t, "after")
	t.Logf("%s without service at most", time.Since(at).Round(100*time.Millisecond))
	redistest.Poll(t, outcomeWithin, "the sentinel that is asked to know who took its place", func(context.Context) error {
		if site.Master(t) == killed { //nolint:contextcheck // the test's own
			return errors.New("not yet")
		}
		return nil
	})
	killed.Restart(t)
	p.binds(t, "back")
	p.performed(t, 3)
}

// TestClusterSurvivesItsNodes: records in all slots, the queue in one of them.
func TestClusterSurvivesItsNodes(t *testing.T) {
	t.Parallel()
	const binds = 40
	site := redistest.StartCluster(t)
	p := build(t, tasks.RedisConfig{ClusterNodes: site.Nodes()})
	ids := make([]string, binds)
	for i := range ids {
		ids[i] = fmt.Sprint("bind-", i)
	}
	p.binds(t, ids...)
	p.performed(t, binds)
	for _, master := range site.Servers[:3] {
		if n := len(master.Client(t).Keys(t.Context(), "dypls:{bind-*").Val()); n < binds/10 {
			t.Errorf("%d of %d records on %s", n, binds, master.Addr)
		}
	}
	if text := p.log.String(); strings.Contains(text, "CROSSSLOT") || strings.Contains(text, "MOVED") {
		t.Error("the log tells of slots")
	}
}

// least tells what is refused to a worker and its producer where a part of [redistest.LeastRule] is
// missing: "" for a part that takes something away, or that something else needs.
var least = map[string]struct{ refused, without string }{
	"~asynq:*":      {"key", "asynq:"},
	"~dypls:*":      {"key", "dypls:"},
	"&asynq:*":      {"channel", "asynq:cancel"},
	"&dypls:*":      {"channel", "dypls:finished"},
	"+@read":        {"command", ""},
	"+@write":       {"command", ""},
	"+@connection":  {"command", ""},
	"+@pubsub":      {"command", "subscribe"},
	"+@transaction": {}, // doctor
	"-@admin":       {},
	"-@dangerous":   {},
	"+eval":         {"command", "eval"},
	"+evalsha":      {"command", "evalsha"},
	"+time":         {"command", "time"},
	"+wait":         {}, // DYPLSQ_WAIT_REPLICAS
	"+info":         {"command", "info"},
	"+config|get":   {"command", "config|get"},
}

func secured(site *redistest.Server) tasks.RedisConfig {
	return tasks.RedisConfig{
		URL: site.URL(), CAFile: site.CAFile, CertFile: site.CertFile, KeyFile: site.KeyFile, ServerName: site.ServerName,
	}
}

// TestTLSAndACL: a client certificate, and a user that may do no more than it must.
func TestTLSAndACL(t *testing.T) {
	t.Parallel()
	site := redistest.StartTLS(t, redistest.LeastRule)
	p := build(t, secured(site))
	p.binds(t, "one", "two")
	p.performed(t, 2)
	if lacks := site.Refused(t); len(lacks) > 0 {
		t.Errorf("the rule lacks %q", lacks)
	}
}

// TestACLNeedsEachPart: without one of them Redis refuses something that every worker or
// application asks for.
func TestACLNeedsEachPart(t *testing.T) {
	t.Parallel()
	parts := strings.Fields(redistest.LeastRule)
	for i, part := range parts {
		p, known := least[part]
		if !known {
			t.Errorf("nothing shows what %s is for", part)
		}
		if p.refused == "" {
			continue
		}
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			site := redistest.StartTLS(t, strings.Join(slices.Concat(parts[:i], parts[i+1:]), " "))
			plant := build(t, secured(site))
			ctx, stop := context.WithCancel(t.Context())
			var asking sync.WaitGroup
			asking.Go(func() {
				_, _ = tasks.BindAXN.Enqueue(ctx, plant.queue, bindRequest(), tasks.TaskID("one"))
				_, _ = plant.queue.Wait(ctx, "one")
			})
			redistest.Poll(t, outcomeWithin, "Redis to refuse a "+p.refused, func(context.Context) error {
				lacks := site.Refused(t) //nolint:contextcheck // the test's own
				if !slices.ContainsFunc(lacks, func(e string) bool { return strings.HasPrefix(e, p.refused+" "+p.without) }) {
					return fmt.Errorf("refused are %q", lacks)
				}
				return nil
			})
			stop()
			asking.Wait()
		})
	}
}
