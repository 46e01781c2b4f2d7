package record_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// How long a record lives, and whether the request, which holds numbers, lives with it.
func TestLifetime(t *testing.T) {
	t.Parallel()
	const never = time.Duration(-1) // as Redis tells it
	tests := map[string]struct {
		end     record.State
		keep    time.Duration
		request bool
	}{
		"succeeded": {record.Succeeded, time.Hour, false},
		"failed":    {record.Failed, 2 * time.Hour, true}, // a person may run it again
		"uncertain": {record.Uncertain, never, true},
		"waiting":   {record.Waiting, never, true},
		"calling":   {record.Calling, never, true},
		"queued":    {record.Queued, never, true},
	}
	onEachServer(t, func(t *testing.T, s server) {
		for name, test := range tests {
			s.create(t, name)
			if test.end != record.Queued {
				begun := s.call(t, name, "run")
				if test.end != record.Calling {
					s.finish(t, record.Ending{ID: name, Fence: begun.Fence, State: test.end, Keep: max(test.keep, time.Hour), Counts: true, Sent: true})
				}
			}
			r := s.read(t, name)
			if r.State != test.end || r.State.Told() == r.FinishedAt.IsZero() {
				t.Errorf("%s: %+v", name, r)
			}
			if got := len(r.Request) > 0; got != test.request {
				t.Errorf("%s: holds the request: %t, want %t", name, got, test.request)
			}
			ttl := s.client.PTTL(t.Context(), record.Key(name)).Val()
			if test.keep == never && ttl != never || test.keep != never && (ttl > test.keep || ttl < test.keep-time.Minute) {
				t.Errorf("%s: lives for %s, want %s", name, ttl, test.keep)
			}
		}
	})
}
