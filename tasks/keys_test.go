package tasks_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// withKeys is the server, whose queue and worker have keys.
func (s server) withKeys(t *testing.T, keys *tasks.Keys) server {
	t.Helper()
	s.queue = queuetest.New(t, tasks.Config{Client: s.client, Keys: keys})
	s.store = s.store.WithKeys(keys)
	return s
}

// lockedQueue has one task that succeeded and one that waits, and is asked by
// somebody without their key.
func lockedQueue(t *testing.T) (with, without server) {
	t.Helper()
	s := newServer(t, redistest.Start(t).URL())
	f := seal.NewFile("k1")
	with = s.withKeys(t, sealtest.Keys(t, f))
	without = s.withKeys(t, sealtest.Keys(t, seal.File{Hash: f.Hash, Active: "k2", Keys: []seal.FileKey{{ID: "k2", Key: make([]byte, 32)}}}))
	with.enqueue(t, tasks.TaskID("done"))
	with.enqueue(t, tasks.TaskID("open"))
	with.bind(t, "done", dypls.Binding{SubsID: "1", SecretNo: numberX})
	return with, without
}

// A result that does not open is an error for who asks for it, and a word for who lists it; nothing
// shows it as a success without a result.
func TestResultThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	with, without := lockedQueue(t)
	ctx := t.Context()
	_, resultErr := tasks.BindAXN.Result(ctx, without.queue, "done")
	_, waitErr := tasks.BindAXN.Wait(ctx, without.queue, "done")
	outcome, outcomeErr := without.queue.Outcome(ctx, "done")
	_, untypedErr := without.queue.Wait(ctx, "done")
	_, parametersErr := without.queue.Parameters(ctx, "open")
	for name, err := range map[string]error{
		"Result": resultErr, "Wait": waitErr, "Outcome": outcomeErr, "Queue.Wait": untypedErr, "Outcome.Err": outcome.Err(), "Parameters": parametersErr,
	} {
		if !errors.Is(err, tasks.ErrUndecryptable) || !strings.Contains(err.Error(), `"k1"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if outcome.State != tasks.StateSucceeded || len(outcome.Result) > 0 || !strings.Contains(outcome.Undecryptable, `"k1"`) {
		t.Errorf("%+v", outcome)
	}
	views, _, err := without.queue.List(ctx, tasks.Filter{})
	if err != nil || len(views) != 2 || slices.ContainsFunc(views, func(v tasks.View) bool { return v.Undecryptable == "" || v.Request != nil }) {
		t.Errorf("%+v, %v", views, err)
	}
	if e, err := without.queue.Explain(ctx, "open"); err != nil || !strings.Contains(e.Why, `"k1"`) || e.Remedy == "" {
		t.Errorf("%+v, %v", e, err)
	}
	if b, err := tasks.BindAXN.Result(ctx, with.queue, "done"); err != nil || b.SecretNo != numberX {
		t.Errorf("%+v, %v", b, err)
	}
}

// Who follows or collects is not given what a key is missing for, and is given it when the key is
// back. A result that was changed is told so: no key brings it back.
func TestOutcomesWaitForTheirKey(t *testing.T) {
	t.Parallel()
	with, without := lockedQueue(t)
	ctx := t.Context()
	if told, err := without.queue.Collect(ctx, "held", 10); !errors.Is(err, tasks.ErrUndecryptable) || told != nil {
		t.Errorf("collects %+v, %v", told, err)
	}
	if told, err := without.queue.ReadOutcomes(ctx, "", 10, 0); !errors.Is(err, tasks.ErrUndecryptable) || told != nil {
		t.Errorf("reads %+v, %v", told, err)
	}
	without.enqueue(t, tasks.TaskID("own"))
	without.bind(t, "own", dypls.Binding{SubsID: "2", SecretNo: numberX})
	wantCollected(t, without.queue, "held", 10, "own succeeded")

	following, stop := context.WithCancel(ctx)
	var followed []string
	err := without.queue.Follow(following, "f", "1", func(_ context.Context, o tasks.Outcome) error {
		followed = append(followed, o.ID)
		stop()
		return nil
	})
	if diff := cmp.Diff([]string{"own"}, followed); diff != "" {
		t.Errorf("%v follows (-want +got):\n%s", err, diff)
	}

	entries, err := with.client.XRange(ctx, record.Stream, "-", "+").Result()
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	with.aMinuteLater(t, "held", entries[0].ID)
	wantCollected(t, with.queue, "held", 10, "done succeeded")

	changed := []byte(with.client.HGet(ctx, record.Key("done"), "result").Val())
	changed[len(changed)-1] ^= 1
	with.client.HSet(ctx, record.Key("done"), "result", changed)
	with.aMinuteLater(t, "held", entries[0].ID)
	told, err := with.queue.Collect(ctx, "held", 10)
	if err != nil || len(told) != 1 || !strings.Contains(told[0].Undecryptable, "was changed") {
		t.Errorf("%+v, %v", told, err)
	}
}

// A key is known with keys and without. Who has none cannot tell of a request that was recorded
// with some, and is told what is missing.
func TestSameRequestWithKeysAndWithout(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		keyed := s.withKeys(t, sealtest.New(t))
		s.enqueue(t, tasks.TaskID("before"))
		keyed.enqueue(t, tasks.TaskID("before"))
		keyed.enqueue(t, tasks.TaskID("since"))
		keyed.enqueue(t, tasks.TaskID("since"))
		other := axn()
		other.PhoneNoA = "15012345679"
		for _, id := range []string{"before", "since"} {
			_, err := tasks.BindAXN.Enqueue(t.Context(), keyed.queue, other, tasks.TaskID(id))
			if reused, is := errors.AsType[*tasks.KeyReusedError](err); !is || strings.Join(reused.Differs, " ") != "PhoneNoA" {
				t.Errorf("%s: %v", id, err)
			}
		}
		for _, items := range [][]tasks.Item[dypls.BindAXNRequest]{
			{{Request: axn(), Options: []tasks.Option{tasks.TaskID("since")}}},
			{{Request: axn(), Options: []tasks.Option{tasks.TaskID("since")}}, {Request: axn(), Options: []tasks.Option{tasks.TaskID("new")}}},
		} {
			_, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, items)
			if !errors.Is(err, tasks.ErrUndecryptable) || errors.Is(err, tasks.ErrKeyReused) || !strings.Contains(err.Error(), "DYPLSQ_KEYS_FILE") {
				t.Errorf("without keys: %v", err)
			}
		}
		if n := len(s.deliveries(t, "bind")); n != 2 {
			t.Errorf("%d deliveries of two tasks", n)
		}
	})
}

// Where keys are handed out before one of them seals, nobody is held up: who has them writes what
// those without can read, and opens and compares what those write who seal already.
func TestKeysOfWhichNoneSealsYet(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		f := seal.NewFile("k1")
		sealing := s.withKeys(t, sealtest.Keys(t, f))
		f.Active = ""
		opening := s.withKeys(t, sealtest.Keys(t, f))
		opening.enqueue(t, tasks.TaskID("early"))
		sealing.enqueue(t, tasks.TaskID("late"))
		s.enqueue(t, tasks.TaskID("early")) // by somebody who has no keys
		for _, of := range []server{opening, sealing} {
			of.enqueue(t, tasks.TaskID("early"))
			of.enqueue(t, tasks.TaskID("late"))
			other := axn()
			other.PhoneNoA = "15012345679"
			for _, id := range []string{"early", "late"} {
				_, err := tasks.BindAXN.Enqueue(t.Context(), of.queue, other, tasks.TaskID(id))
				if reused, is := errors.AsType[*tasks.KeyReusedError](err); !is || strings.Join(reused.Differs, " ") != "PhoneNoA" {
					t.Errorf("%s: %v", id, err)
				}
			}
		}
		opening.bind(t, "early", dypls.Binding{SubsID: "1", SecretNo: numberX})
		sealing.bind(t, "late", dypls.Binding{SubsID: "2", SecretNo: numberX})
		for id, readers := range map[string][]server{"early": {s, opening, sealing}, "late": {opening, sealing}} {
			for _, of := range readers {
				if b, err := tasks.BindAXN.Result(t.Context(), of.queue, id); err != nil || b.SecretNo != numberX {
					t.Errorf("%s: %+v, %v", id, b, err)
				}
			}
		}
	})
}

// A request that was enqueued without keys, by a producer that has none yet, is performed by a
// worker that has them, and its result is sealed.
func TestProducersMayGetKeysLater(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	worker := s.withKeys(t, sealtest.New(t))
	s.enqueue(t, tasks.TaskID("k"), tasks.ProcessIn(time.Minute))
	worker.bind(t, "k", dypls.Binding{SubsID: "1", SecretNo: numberX})
	if _, err := tasks.BindAXN.Result(t.Context(), s.queue, "k"); !errors.Is(err, tasks.ErrUndecryptable) {
		t.Error(err)
	}
	if b, err := tasks.BindAXN.Result(t.Context(), worker.queue, "k"); err != nil || b.SecretNo != numberX {
		t.Errorf("%+v, %v", b, err)
	}
}
