package worker

import (
	"fmt"
	"testing"
	"time"
)

// TestBudgetsOfPoolsEnd: whoever enqueues may name any number of pools. A budget that nobody uses is dropped, one that is used is not.
func TestBudgetsOfPoolsEnd(t *testing.T) {
	t.Parallel()
	_, governors := newGovernors(t, 1, func(c *Config) { c.PoolQPS = 10 })
	g := governors[0]
	used := g.ofPool("used")
	action := g.ofAction("BindAxn")
	for i := range 20 * budgetsKept {
		if i%budgetsKept == 0 { // as after a while
			g.mu.Lock()
			g.pruned = time.Time{}
			for _, b := range g.budgets {
				b.mu.Lock()
				b.usedAt = b.usedAt.Add(-2 * idleBudget)
				b.mu.Unlock()
			}
			g.mu.Unlock()
			for _, b := range []*budget{used, action} {
				one, err := b.take(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				b.giveBack(one)
			}
		}
		g.ofPool(fmt.Sprint("wrong-", i))
	}
	g.mu.Lock()
	kept := len(g.budgets)
	g.mu.Unlock()
	if kept > 2*budgetsKept {
		t.Errorf("%d budgets are kept", kept)
	}
	if g.ofPool("used") != used || g.ofAction("BindAxn") != action {
		t.Error("a budget that is used was dropped")
	}
}
