package worker

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestLookedAtWhileKept: where outcomes are kept for a minute, no record is left alone for ten.
func TestLookedAtWhileKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	next := []record.Next{{ID: "late", At: now.Add(lookLate)}, {ID: "soon", At: now.Add(time.Second)}, {ID: "over", Drop: true}}
	whileKept(next, now, time.Minute)
	if !next[0].At.Equal(now.Add(30*time.Second)) || !next[1].At.Equal(now.Add(time.Second)) || !next[2].At.IsZero() {
		t.Errorf("%+v", next)
	}
	whileKept(next, now, defaultKeep)
	if !next[0].At.Equal(now.Add(30 * time.Second)) {
		t.Errorf("%+v", next[0])
	}
}
