package agreement

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// TestLongestHolds: of what the running workers were told the longest holds, at once when it comes,
// and for a while after it is gone, so that a Redis that was emptied shortens nothing. What Redis
// holds that no worker may be told counts for nothing.
func TestLongestHolds(t *testing.T) {
	t.Parallel()
	const own = 2 * time.Hour
	l := newLongest(Cooldown, setting.NumberCooldown, own)
	others := func(values ...string) (workers []presence.Worker) {
		for _, v := range values {
			workers = append(workers, presence.Worker{Settings: map[string]string{Cooldown: v}})
		}
		return workers
	}
	now := time.Now()
	for _, step := range []struct {
		what   string
		after  time.Duration
		others []presence.Worker
		holds  time.Duration
	}{
		{"nobody else", 0, nil, own},
		{"shorter ones", time.Second, others("1h", "1s"), own},
		{"a longer one", time.Second, others("1h", "24h"), 24 * time.Hour},
		{"Redis was emptied", time.Second, nil, 24 * time.Hour},
		{"it was filled again", time.Second, others("24h"), 24 * time.Hour},
		{"the longer one is gone", presence.Fresh - time.Second, others("1h"), 24 * time.Hour},
		{"for a while", 2 * time.Second, others("3h"), 3 * time.Hour},
		{"nonsense", time.Second, others("", "x", "-1h", "900000h"), 3 * time.Hour},
		{"for long", 2 * presence.Fresh, others("", "x", "-1h", "900000h"), own},
	} {
		now = now.Add(step.after)
		before := l.holds()
		if changed := l.learn(step.others, now); l.holds() != step.holds || changed != (before != step.holds) {
			t.Errorf("%s: %s holds, want %s; changed: %t", step.what, l.holds(), step.holds, changed)
		}
	}
}
