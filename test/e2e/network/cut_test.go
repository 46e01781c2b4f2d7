package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	cutEvery = 70 * time.Millisecond // two binds
	cutMost  = 2 * time.Minute / cutEvery
	// cutSettled: what the worker was about to call for, or what a late command took, is looked up
	// once its claim has lapsed, and again.
	cutSettled = 4 * time.Minute
)

// TestNetworkCut: one of three workers is cut off from Redis with calls out, while the API still
// answers it. Half of the binds name their X; calls take 0.5 or 2 s. What was under way in the
// network arrives afterwards, or never.
//
// Invariant: no task and no X is bound twice; every outcome is the ledger's; what the worker had
// the answer of is never left uncertain; and the worker goes on by itself.
func TestNetworkCut(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for claims of 20 s to lapse")
	}
	lasts := 12 * time.Second // no timing of a real process can be shortened
	if systemtest.WholeScale() {
		lasts = 90 * time.Second
	}
	for name, forgotten := range map[string]bool{"bytes arrive late": false, "connections are forgotten": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newCutTest(t).run(t, lasts, forgotten)
		})
	}
}

type cutTest struct {
	*systemtest.System

	link   *redistest.Link
	queue  *tasks.Queue
	victim *systemtest.Process
	url    string // of the victim's health
	named  []dypls.Phone

	mu  sync.Mutex
	ids []string
}

func newCutTest(t *testing.T) *cutTest {
	t.Helper()
	c := &cutTest{named: dyplstest.Numbers("171", int(cutMost))}
	c.System = systemtest.New(t, dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: systemtest.NamedPool, Numbers: c.named}, {Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("172", int(cutMost))}},
		Faults: []dyplstest.Fault{
			{Do: dyplstest.Slow, Rate: 0.5, Delay: 500 * time.Millisecond}, {Do: dyplstest.Slow, Delay: 2 * time.Second, Performed: true},
		},
	})
	c.link = redistest.StartLink(t, c.Redis)
	c.queue = queuetest.On(t, c.Redis.AppClient(t))
	t.Cleanup(func() { _ = c.queue.Close() })
	behind := &systemtest.System{Env: append(slices.Clone(c.Env), c.Redis.EnvAt(c.link.Addr)...)}
	c.victim, c.url = behind.ObservedWorker(t)
	systemtest.UntilReady(t, c.url)
	c.Worker(t)
	c.Worker(t)
	return c
}

func (c *cutTest) run(t *testing.T, lasts time.Duration, forgotten bool) {
	t.Helper()
	load := c.load(t)
	c.works(t, 20)
	_, before := systemtest.Get(t, c.url+"/metrics")
	c.link.Cut(t)
	cut := time.Now()
	systemtest.UntilReady(t, c.url, "redis")
	redistest.Poll(t, 2*lasts, "the cut to be over", systemtest.Passes(lasts, cut))
	c.link.Heal(t, forgotten)
	healed := time.Now()
	systemtest.UntilReady(t, c.url)
	ready := time.Since(healed)
	c.works(t, 20)
	load()

	outcomes := c.settledAll(t)
	uncertain := c.judgeCut(t, outcomes)
	c.NothingUnbound(t)
	c.report(t, outcomes, cut, healed)
	steady := systemtest.Metric(t, before, "go_goroutines")
	redistest.Poll(t, time.Minute, "the worker's goroutines to be as before", func(context.Context) error {
		_, page := systemtest.Get(t, c.url+"/metrics") //nolint:contextcheck // the test's own
		if now := systemtest.Metric(t, page, "go_goroutines"); now > 1.2*steady {
			return fmt.Errorf("%.0f, before the cut %.0f", now, steady)
		}
		return nil
	})
	t.Logf("the worker was ready %s after the cut; %d binds stay uncertain, of which none was ever sent", ready.Round(100*time.Millisecond), uncertain)
}

// load enqueues until it is stopped.
func (c *cutTest) load(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var loading sync.WaitGroup
	loading.Go(func() {
		tick := time.NewTicker(cutEvery)
		defer tick.Stop()
		for i := range int(cutMost) {
			request := dypls.BindAXNRequest{PoolKey: systemtest.NamedPool, PhoneNoA: "13900000001", PhoneNoX: c.named[i], Expiration: dypls.At(time.Now().Add(time.Hour))}
			c.enqueueOne(t, fmt.Sprint("named-", i), request) //nolint:contextcheck // what is begun is enqueued
			request.PoolKey, request.PhoneNoX = systemtest.ChosenPool, ""
			c.enqueueOne(t, fmt.Sprint("chosen-", i), request) //nolint:contextcheck // likewise
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(cancel)
	return func() { cancel(); loading.Wait() }
}

func (c *cutTest) enqueueOne(t *testing.T, id string, request dypls.BindAXNRequest) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), c.queue, request, tasks.TaskID(id)); err != nil {
		t.Errorf("enqueue %s: %v", id, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, id)
}

// works waits until the victim has settled so many tasks more.
func (c *cutTest) works(t *testing.T, more float64) {
	t.Helper()
	const name = "dyplsq_outcomes_total"
	_, page := systemtest.Get(t, c.url+"/metrics")
	from := systemtest.Metric(t, page, name)
	redistest.Poll(t, time.Minute, "the worker to work", func(context.Context) error {
		_, page := systemtest.Get(t, c.url+"/metrics") //nolint:contextcheck // the test's own
		if n := systemtest.Metric(t, page, name) - from; n < more {
			return fmt.Errorf("%.0f tasks", n)
		}
		return nil
	})
}

// settledAll waits until only those binds are open whose call never left: the worker was cut off
// between having noted it and knowing so.
func (c *cutTest) settledAll(t *testing.T) (outcomes []tasks.Outcome) {
	t.Helper()
	redistest.Poll(t, cutSettled, "all outcomes", func(ctx context.Context) error {
		var err error
		if outcomes, err = c.queue.Outcomes(ctx, c.ids...); err != nil {
			return err
		}
		done := boundBy(c.System)
		for _, o := range outcomes {
			if o.State == tasks.StatePending || o.State == tasks.StateUncertain && len(done[o.ID]) > 0 {
				return fmt.Errorf("%s is %s, and was bound %d times", o.ID, o.State, len(done[o.ID]))
			}
		}
		return nil
	})
	return outcomes
}

// boundBy are the binds that took effect, by task.
func boundBy(s *systemtest.System) map[string][]dyplstest.Entry {
	done := map[string][]dyplstest.Entry{}
	for _, e := range s.Simulator.Ledger() {
		if e.Performed && strings.HasPrefix(e.Action, "Bind") {
			done[e.Parameters["OutId"]] = append(done[e.Parameters["OutId"]], e)
		}
	}
	return done
}

func (c *cutTest) judgeCut(t *testing.T, outcomes []tasks.Outcome) (uncertain int) {
	t.Helper()
	done, took := boundBy(c.System), map[dypls.Phone]int{}
	for _, entries := range done {
		for _, e := range entries {
			if took[e.SecretNo]++; took[e.SecretNo] > 1 {
				t.Errorf("an X was bound %d times", took[e.SecretNo])
			}
		}
	}
	for _, o := range outcomes {
		entries := done[o.ID]
		switch {
		case o.State == tasks.StateUncertain && len(entries) == 0 && strings.HasPrefix(o.ID, "chosen-"):
			uncertain++
		case o.State != tasks.StateSucceeded || len(entries) != 1:
			t.Errorf("%s is %s %s, and took effect %d times", o.ID, o.State, o.Code, len(entries))
		case !strings.Contains(string(o.Result), strconv.Quote(entries[0].SubsID)):
			t.Errorf("%s: its result is not what was bound", o.ID)
		}
	}
	return uncertain
}

// report tells what became of the tasks that the victim had.
func (c *cutTest) report(t *testing.T, outcomes []tasks.Outcome, cut, healed time.Time) {
	t.Helper()
	held := c.heldBy(t, cut, healed)
	if len(held) == 0 {
		t.Error("no call of the worker was out when it was cut off")
	}
	var after []time.Duration
	meanwhile := 0
	for _, o := range outcomes {
		switch {
		case held[o.ID] && o.State == tasks.StateSucceeded:
			after = append(after, o.FinishedAt.Sub(cut))
		case o.FinishedAt.After(cut) && o.FinishedAt.Before(healed):
			meanwhile++
		}
	}
	if meanwhile == 0 {
		t.Error("the other workers stood still")
	}
	slices.Sort(after)
	if len(after) == 0 {
		t.Fatal(errors.New("nothing that the worker held came through"))
	}
	t.Logf("cut for %s: %d binds, each took effect once at most; the others settled %d meanwhile; %d whose call was out or whose outcome was kept by the worker: the first settled %s after the cut began, the last %s",
		healed.Sub(cut).Round(time.Second), len(outcomes), meanwhile, len(held), after[0].Round(100*time.Millisecond), after[len(after)-1].Round(100*time.Millisecond))
}

// heldBy are the tasks of which the victim said something while it was cut off.
func (c *cutTest) heldBy(t *testing.T, cut, healed time.Time) map[string]bool {
	t.Helper()
	held := map[string]bool{}
	for text := range systemtest.Lines(c.victim.Text()) {
		var line struct {
			ID   string
			Time time.Time
		}
		if json.Unmarshal([]byte(text), &line) == nil && line.ID != "" && line.Time.After(cut) && line.Time.Before(healed) {
			held[line.ID] = true
		}
	}
	return held
}
