package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestBeginGivesLeaveOnce(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		deadline := time.UnixMilli(time.Now().Add(time.Hour).UnixMilli()).UTC()
		s.create(t, "k", func(n *record.New) { n.Deadline = deadline })
		first := s.begin(t, "k", "run-1")
		want := record.Begun{Verdict: record.Go, Attempt: 1, Call: 1, Deadline: deadline, Request: []byte(`{"PoolKey":"FC1"}`)}
		if diff := cmp.Diff(want, first, cmpopts.IgnoreFields(record.Begun{}, "Fence", "FirstCall", "Since")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if time.Since(first.FirstCall).Abs() > time.Minute {
			t.Errorf("the first call was noted at %s", first.FirstCall)
		}
		if diff := cmp.Diff(first, s.begin(t, "k", "run-1")); diff != "" {
			t.Errorf("asked again because the reply was lost (-first +again):\n%s", diff)
		}
		busy := s.begin(t, "k", "run-2")
		if busy.Verdict != record.Busy || busy.Busy <= 0 || busy.Busy > long {
			t.Errorf("another run: %+v, want busy for at most %s", busy, long)
		}
		if got := s.read(t, "k"); got.State != record.Calling || got.Attempts != 1 || got.Calls != 1 {
			t.Errorf("record: %+v", got)
		}
	})
}

func TestBeginCountsCalls(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		a := s.call(t, "k", "a")
		s.finish(t, record.Ending{ID: "k", Fence: a.Fence, State: record.Waiting, Code: "isv.FLOW_LIMIT", Sent: true})
		b := s.call(t, "k", "b")
		s.finish(t, record.Ending{ID: "k", Fence: b.Fence, State: record.Waiting, Code: "isp.SYSTEM_ERROR", Counts: true, Sent: true})
		c := s.call(t, "k", "c")
		s.finish(t, record.Ending{ID: "k", Fence: c.Fence, State: record.Waiting, Code: "dyplsq.NotSent", Counts: true})
		d := s.call(t, "k", "d")
		if a.Fence >= b.Fence || b.Fence >= c.Fence || c.Fence >= d.Fence {
			t.Errorf("fences %d %d %d %d must rise", a.Fence, b.Fence, c.Fence, d.Fence)
		}
		if !b.FirstCall.Equal(a.FirstCall) || !d.FirstCall.Equal(a.FirstCall) {
			t.Errorf("first calls %s, %s, %s: the first is the first", a.FirstCall, b.FirstCall, d.FirstCall)
		}
		// a used up no attempt; c sent nothing
		if d.Attempt != 3 || d.Call != 3 || d.Uncounted != 1 {
			t.Errorf("attempt %d, call %d, %d uncounted; want 3, 3, 1", d.Attempt, d.Call, d.Uncounted)
		}
	})
}

func TestBeginFindsNothingToDo(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		if got := s.begin(t, "nobody", "run"); got.Verdict != record.Unknown {
			t.Errorf("no record: %+v", got)
		}
		if n := s.client.Exists(t.Context(), record.Key("nobody")).Val(); n != 0 {
			t.Error("begin made a record")
		}
		for _, state := range []record.State{record.Succeeded, record.Failed, record.Uncertain} {
			id := string(state)
			s.create(t, id)
			begun := s.call(t, id, "run")
			s.finish(t, record.Ending{ID: id, Fence: begun.Fence, State: state, Counts: true, Sent: true})
			before := s.client.HGetAll(t.Context(), record.Key(id)).Val()
			want := record.Begun{Verdict: record.Finished, State: state}
			for _, run := range []string{"another", "run"} {
				if diff := cmp.Diff(want, s.begin(t, id, run)); diff != "" {
					t.Errorf("%s, asked by %s (-want +got):\n%s", state, run, diff)
				}
			}
			if diff := cmp.Diff(before, s.client.HGetAll(t.Context(), record.Key(id)).Val()); diff != "" {
				t.Errorf("%s: begin changed the record:\n%s", state, diff)
			}
		}
	})
}

// A try that the worker gave up may reach Redis after the run it belonged to has ended. Were it let
// in, nobody would make the call it was let in for, and the task would be held as uncertain for
// nothing.
func TestBeginIgnoresAnEchoOfARunThatEnded(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		begun := s.call(t, "k", "run-1")
		s.finish(t, record.Ending{ID: "k", Fence: begun.Fence, State: record.Waiting, Counts: true, Sent: true})
		if got := s.begin(t, "k", "run-1"); got.Verdict != record.Finished || got.State != record.Waiting {
			t.Errorf("echo: %+v, want finished", got)
		}
		if got := s.read(t, "k"); got.State != record.Waiting || got.Calls != 1 {
			t.Errorf("the echo changed the record: %+v", got)
		}
		if next := s.call(t, "k", "run-2"); next.Attempt != 2 {
			t.Errorf("the next run: %+v", next)
		}
	})
}
