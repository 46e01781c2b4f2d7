package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (s server) detail(t *testing.T, id string) record.Detail {
	t.Helper()
	d, err := s.store.Detail(t.Context(), id)
	if err != nil {
		t.Fatalf("detail %s: %v", id, err)
	}
	return d
}

func refused(id string, fence int64, code, class, requestID string, counts bool) record.Ending {
	return record.Ending{ID: id, Fence: fence, State: record.Waiting, Code: code, Class: class, RequestID: requestID, Counts: counts, Sent: true}
}

// Attempt by attempt, each told once however often it is sent.
func TestHistory(t *testing.T) {
	t.Parallel()
	const requestID = "8906582E-6722-409A-A6C4-0E7863B733A5"
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		throttled := refused("k", s.call(t, "k", "run-1").Fence, "isv.FLOW_LIMIT", "Throttled", requestID, false)
		for range 3 {
			s.finish(t, throttled)
		}
		s.finish(t, refused("k", s.call(t, "k", "run-2").Fence, "isp.SYSTEM_ERROR", "Unavailable", "", true))
		s.call(t, "k", "run-3", brief)
		again := s.lapsed(t, "k", "run-4", repeatable)
		for range 2 {
			s.begin(t, "k", "run-4", repeatable)
		}
		success := record.Ending{ID: "k", Fence: again.Fence, State: record.Succeeded, Code: "OK", RequestID: requestID, Counts: true, Sent: true}
		for range 2 {
			s.finish(t, success)
		}
		want := []record.Step{
			{Kind: record.StepCall, Attempt: 1, Code: "isv.FLOW_LIMIT", Class: "Throttled", RequestID: requestID},
			{Kind: record.StepCall, Attempt: 1, Counts: true, Code: "isp.SYSTEM_ERROR", Class: "Unavailable"},
			{Kind: record.StepCut, Attempt: 2, Counts: true},
			{Kind: record.StepCall, Attempt: 3, Counts: true, Code: "OK", RequestID: requestID},
		}
		d := s.detail(t, "k")
		if diff := cmp.Diff(want, d.History, cmpopts.IgnoreFields(record.Step{}, "At", "Took")); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if last := d.History[3]; last.Took < 0 || last.Took > time.Minute || d.Now.Sub(last.At) > time.Minute {
			t.Errorf("%+v at %s", last, d.Now)
		}
		if d.KeptUntil.IsZero() || d.Uncounted != 1 || d.Delivery != 1 || d.State != record.Succeeded {
			t.Errorf("%+v", d)
		}
	})
}

// What succeeds at once, as nearly all do, stores nothing more; what goes on for ever stores no
// more and no more.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "once")
		s.finish(t, bound("once", s.call(t, "once", "run").Fence, "1000"))
		if text := s.field(t, "once", "history"); text != "" {
			t.Errorf("a task that succeeded at once keeps %q", text)
		}
		s.create(t, "often")
		long := strings.Repeat("x 号;\n", 1000)
		for n := range 3 * record.MaxSteps {
			s.finish(t, refused("often", s.call(t, "often", fmt.Sprint("run-", n)).Fence, long, long, long, false))
		}
		text := s.field(t, "often", "history")
		if steps := s.detail(t, "often").History; len(steps) != record.MaxSteps || len(text) > 200*record.MaxSteps {
			t.Errorf("%d steps in %d bytes", len(steps), len(text))
		}
	})
}

// What an operator is told of a task that waits: until when, and what for.
func TestDetail(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		deadline := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
		s.create(t, "k", func(n *record.New) { n.Deadline = deadline })
		doubted := refused("k", s.call(t, "k", "run").Fence, "dyplsq.NoAnswer", "Uncertain", "", true)
		doubted.Doubt, doubted.MayHaveRun = record.DoubtCall, true
		s.finish(t, doubted)
		d := s.detail(t, "k")
		if !d.InDoubt || d.DoubtAt.IsZero() || !d.MayHaveRun || !d.Deadline.Equal(deadline) || !d.KeptUntil.IsZero() || !d.Claim.IsZero() {
			t.Errorf("%+v", d)
		}
		if d := s.detail(t, "nobody"); d.State != "" || d.Now.IsZero() {
			t.Errorf("nobody: %+v", d)
		}
		s.hold(t, "held")
		s.resolve(t, resolved("held", record.Failed), record.Uncertain, 0)
		if d = s.detail(t, "held"); d.ResolvedBy == "" || d.ResolvedAt.IsZero() {
			t.Errorf("settled by hand: %+v", d)
		}
		s.reopen(t, "held", record.Queued)
		d = s.detail(t, "held")
		if d.ResolvedBy != "" || d.ReopenedBy != "ops" || d.ReopenedAt.IsZero() || len(d.History) != 3 || d.History[1].Class != "failed" {
			t.Errorf("opened again: %+v", d)
		}
	})
}
