package soak

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// soakFor is the variable that says how long the soak lasts; make scale sets it to 30m. Without it,
// it is short and measures nothing.
const soakFor = "DYPLSQ_SOAK"

const (
	soakWorkers = 4
	soakNumbers = 4000 // of each pool: some times what is bound at once
	soakDrained = 3 * time.Minute
	// soakMeasured is how long a soak must last for its slopes to say something: what is kept for a
	// minute has come and gone by then.
	soakMeasured = 5 * time.Minute
)

// soakPace is how hard a soak is.
type soakPace struct {
	lasts          time.Duration
	binds          int // a second
	updates, links int // a second
	standing       int // bindings that stay, and are updated
	restartMost    time.Duration
	sampleEvery    time.Duration
}

func paceOfSoak(t *testing.T) soakPace {
	t.Helper()
	text := os.Getenv(soakFor)
	if text == "" {
		return soakPace{lasts: 20 * time.Second, binds: 30, updates: 4, links: 1, standing: 20, restartMost: 6 * time.Second, sampleEvery: 2 * time.Second}
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", soakFor, err)
	}
	return soakPace{lasts: lasts, binds: 80, updates: 10, links: 2, standing: 200, restartMost: 20 * time.Second, sampleEvery: 5 * time.Second}
}

// TestSoak: four workers under a steady load of whole lives of bindings, three of them restarted at
// random times with SIGTERM or SIGKILL; 2 % of the requests meet a fault at first. Outcomes and
// links are kept for a minute, so that there is a steady state.
//
// Invariant: every task that was taken has one outcome, which is followed; nothing is bound beyond
// what its owner was told of; and once all is unbound nothing is left. Memory, goroutines, keys and
// connections do not grow.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute at least")
	}
	t.Parallel()
	pace := paceOfSoak(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%s, seed %d", pace.lasts, seed)
	s := systemtest.New(t, dyplstest.Config{
		Pools: []dyplstest.Pool{
			{Key: systemtest.NamedPool, Numbers: dyplstest.Numbers("171", soakNumbers)}, {Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("172", soakNumbers)},
		},
		Faults: soakFaults(), Seed: seed, Recordings: dyplstest.Recordings{LinkLife: time.Minute},
	})
	s.Env = append(s.Env, "DYPLSQ_KEEP=1m", "DYPLSQ_KEEP_STREAM=1m")

	crew := startCrew(t, s, seed)
	owner := startOwner(t, s, pace, seed)
	samples := startSampling(t, s, crew, owner, pace)
	restarting := crew.restart(t, pace.restartMost)
	redistest.Poll(t, 2*pace.lasts, "the soak to be over", systemtest.Passes(pace.lasts, time.Now()))
	samples.stop()
	restarting()
	owner.drain(t)

	owner.judge(t)
	samples.judge(t, pace)
	t.Logf("%d workers killed, %d told to end; %s", crew.killed, crew.ended, owner)
}

// soakFaults hit 2 % of the requests, looks and unbinds as well, and each once.
func soakFaults() []dyplstest.Fault {
	return []dyplstest.Fault{
		{Name: "lost answer", Do: dyplstest.DropAfter, Rate: 0.005, First: 1},
		{Name: "lost request", Do: dyplstest.DropBefore, Rate: 0.002, First: 1},
		{Name: "system error", Code: "isp.SYSTEM_ERROR", Rate: 0.004, First: 1},
		{Name: "throttled", Code: "isv.FLOW_LIMIT", Rate: 0.004, First: 1},
		{Name: "busy gateway", Do: dyplstest.Body, Status: 503, Body: "busy", Rate: 0.002, First: 1},
		{Name: "slow", Do: dyplstest.Slow, Delay: 1500 * time.Millisecond, Rate: 0.003, First: 1},
	}
}

// drain stops the load, and waits until all is settled and unbound.
func (o *soakOwner) drain(t *testing.T) {
	t.Helper()
	o.stopLoad()
	redistest.Poll(t, soakDrained, "updates to be over", systemtest.Until(func() bool { return o.leftOf("update") == 0 }))
	o.unbindStanding(t)
	deadline := time.Now().Add(soakDrained)
	redistest.Poll(t, 2*soakDrained, "all to be settled and unbound", func(context.Context) error {
		open, bound := o.leftOf(""), len(o.Simulator.Bindings())
		if open+bound == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			for _, id := range o.openTasks(5) {
				t.Log(id, systemtest.Run(t, o.Env, "", "explain", id).Out) //nolint:contextcheck // the test's own
			}
			t.Fatalf("%d tasks are open, and %d bindings are left", open, bound)
		}
		return errors.New("not yet")
	})
	o.stop()
}

// judge holds what was told against what was done.
func (o *soakOwner) judge(t *testing.T) {
	t.Helper()
	o.ledger.read(t)
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range o.open {
		t.Errorf("%s is lost", id)
	}
	for id, n := range o.ledger.binds {
		if n > 1 {
			t.Errorf("%s was bound %d times", id, n)
		}
		if told, known := o.told[id]; !known || told.State != tasks.StateSucceeded || told.subsID != o.ledger.subsID[id] {
			t.Errorf("%s was bound, and told as %q", id, told.State)
		}
	}
	for id, told := range o.told {
		// by a newer change of the same binding
		overtaken := strings.HasPrefix(id, "update-") && told.Code == dypls.CodeCanceled
		if told.State != tasks.StateSucceeded && !overtaken {
			t.Errorf("%s is %s %s", id, told.State, told.Code)
		}
	}
}
