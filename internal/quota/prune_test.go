package quota

import (
	"fmt"
	"testing"
	"time"
)

// TestBudgetsOfPoolsEnd: whoever enqueues may name any number of pools. A bucket that nobody uses
// is dropped, one that is used is not.
func TestBudgetsOfPoolsEnd(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, Config{PoolQPS: 10})
	used := l.Pool("used")
	action := l.Action("BindAxn")
	for i := range 20 * bucketsKept {
		if i%bucketsKept == 0 { // as after a while
			l.mu.Lock()
			l.pruned = time.Time{}
			for _, b := range l.buckets {
				b.mu.Lock()
				b.usedAt = b.usedAt.Add(-2 * idleBucket)
				b.mu.Unlock()
			}
			l.mu.Unlock()
			for _, b := range []*Bucket{used, action} {
				one, err := b.Acquire(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				b.Release(one)
			}
		}
		l.Pool(fmt.Sprint("wrong-", i))
	}
	l.mu.Lock()
	kept := len(l.buckets)
	l.mu.Unlock()
	if kept > 2*bucketsKept {
		t.Errorf("%d buckets are kept", kept)
	}
	if l.Pool("used") != used || l.Action("BindAxn") != action {
		t.Error("a bucket that is used was dropped")
	}
}
