package quota

import "testing"

func TestStock(t *testing.T) {
	t.Parallel()
	var s allotment
	s.grant(granted{now: 1000, epoch: 5, tokens: 3, first: 2000, rate: 1000, workers: 2})
	if _, ok := s.take(1999); ok {
		t.Error("a token was used before its time")
	}
	one, ok := s.take(2000)
	if !ok || one.at != 2000 {
		t.Fatalf("got %v", one)
	}
	s.putBack(one, 2500)
	if again, ok := s.take(2500); !ok || again != one {
		t.Errorf("what was put back is not the next: %v", again)
	}
	if _, ok := s.take(3000 + tokenValid + 1001); ok {
		t.Error("a token was used long after its time")
	}
	s.grant(granted{now: 10_000, epoch: 5, tokens: 2, first: 20_000, rate: 1000})
	s.hear(6, 9000)
	if _, ok := s.take(20_000); ok {
		t.Error("a token was used although the bucket was closed")
	}
	s.grant(granted{now: 9999, epoch: 5, tokens: 2, first: 20_000, rate: 1000})
	if _, ok := s.take(20_000); ok || s.epoch != 6 {
		t.Error("an answer that was overtaken by news counts")
	}
	s.putBack(one, 2500)
	if len(s.tokens) > 0 {
		t.Error("a void token was put back")
	}
	s.demand(1, 30_000)
	s.grant(granted{now: 5, epoch: 2, tokens: 1, first: 6, rate: 10})
	if _, ok := s.take(6); !ok {
		t.Error("a script that lost what it knew is not listened to")
	}
}

// TestStockReports: what came of calls is reported once, at once only where others must know, and
// again where it did not arrive.
func TestStockReports(t *testing.T) {
	t.Parallel()
	var s allotment
	s.accepted(100)
	s.accepted(200)
	if ask, _ := s.plan(0, 300); ask {
		t.Error("an acceptance does not wait for the next question")
	}
	s.throttled(250, 0)
	if ask, _ := s.plan(0, 300); !ask {
		t.Error("a throttled call waits")
	}
	d := s.demand(0, 300)
	if len(d.seen.accepted) != 1 || d.seen.accepted[0].calls != 2 || d.seen.throttled != 250 {
		t.Errorf("reported %+v", d.seen)
	}
	s.undone(d)
	if again := s.demand(0, 300); len(again.seen.accepted) != 1 || again.seen.throttled != 250 {
		t.Errorf("reported again %+v", again.seen)
	}
	s.hear(1, 250)
	s.accepted(250 + reorder/2)
	if s.seen.atOnce {
		t.Error("a call that left about the same time proves something")
	}
	s.accepted(251 + reorder)
	if !s.seen.atOnce || s.seen.proof != 251+reorder {
		t.Error("an acceptance that proves the bucket open waits")
	}
}
