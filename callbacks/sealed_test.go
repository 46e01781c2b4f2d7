package callbacks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestSealedBodies: with keys no body stands readable in Redis. A sender that lacks the key holds
// what it would send, as no attempt, and tells of it; one that has it sends it.
func TestSealedBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := seal.NewFile("k1")
	ring := func() *seal.Keys { return sealtest.Keys(t, f) }
	lacks := ring()
	f.Add("k2")
	f.Active = "k2"
	has := ring()
	to := newReceiver(t, nil)
	full := []Endpoint{to.endpoint("full", func(e *Endpoint) { e.Full = true })}
	with := func(k *seal.Keys) func(*Config) { return func(c *Config) { c.Keys = k } }

	writer := w.sender(full, with(has))
	w.finish("order-1")
	outcome, err := w.queue.Outcome(t.Context(), "order-1")
	if err != nil {
		t.Fatal(err)
	}
	e := ofTask(outcome)
	if err := writer.deliver(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	delivery := keysOf("full").delivery(e.id)
	stored := w.client.HGet(t.Context(), delivery, fieldBody).Val()
	if id, sealed := seal.KeyID(stored); !sealed || id != "k2" || strings.Contains(stored, string(numberX)) {
		t.Errorf("kept as %.40q", stored)
	}
	held := make(chan AttemptEnd, 100)
	stop := w.run(w.sender(full, with(lacks), func(c *Config) {
		c.Trace.AttemptDone = func(a AttemptEnd) { held <- a }
	}))
	for range 2 { // and again
		select {
		case a := <-held:
			if a.Result != Undecryptable {
				t.Errorf("%+v", a)
			}
		case <-time.After(within):
			t.Fatal("nothing was held")
		}
	}
	stop()
	if n := len(to.got()); n != 0 || strings.Count(w.log.String(), "callback undecryptable; held") != 1 {
		t.Errorf("%d were sent; %s", n, w.log)
	}
	if attempts := w.client.HGet(t.Context(), delivery, "attempts").Val(); attempts != "0" {
		t.Errorf("%s attempts", attempts)
	}
	w.run(writer)
	redistest.Poll(t, within, "the callback", func(context.Context) error {
		for _, c := range to.got() {
			if c.id == e.id && strings.Contains(c.body, string(numberX)) {
				return nil
			}
		}
		return fmt.Errorf("%d came", len(to.got()))
	})
}

// TestHeldBodiesLeaveTheProbe: what is held does not stand for the one delivery by which an
// endpoint that was away is asked whether it is back.
func TestHeldBodiesLeaveTheProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := sealtest.New(t)
	endpoints := []Endpoint{newReceiver(t, nil).endpoint("away")}
	sender := w.sender(endpoints, func(c *Config) { c.Keys = keys })
	e := event{id: eventID(TaskFinished, "order-1"), kind: TaskFinished}
	now, k := time.Now(), keysOf("away")
	if err := sender.store.create(t.Context(), "away", e, []byte("{}"), now); err != nil {
		t.Fatal(err)
	}
	w.client.HSet(t.Context(), k.state(), "fails", failuresToRest)
	lacks := newStore(w.client, nil)
	a, err := lacks.admit(t.Context(), "away", e.id, "1", now, time.Second)
	if err != nil || a.verdict != "hold" {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, _, err = lacks.settle(t.Context(), "away", e.id, "1", now, end{result: "cut"}); err != nil {
		t.Fatal(err)
	}
	if state, err := lacks.state(t.Context(), "away"); err != nil || state.probe.After(now) {
		t.Errorf("it is asked again at %s, %v", state.probe, err)
	}
}

// TestReplayWithoutTheKey: a replay by who lacks the key of a result ends with an error, and tells
// no success without its result.
func TestReplayWithoutTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := sealtest.New(t)
	full := []Endpoint{newReceiver(t, nil).endpoint("full", func(e *Endpoint) { e.Full = true })}
	w.finish("order-1")
	at := seal.Place{Key: record.Key("order-1"), Field: "result"}
	result := w.client.HGet(t.Context(), at.Key, at.Field).Val()
	w.client.HSet(t.Context(), at.Key, at.Field, keys.Seal(at, result))
	n, err := w.sender(full).Replay(t.Context(), "full", time.Time{})
	if !errors.Is(err, tasks.ErrUndecryptable) || n != 0 {
		t.Errorf("%d were begun anew: %v", n, err)
	}
}
