package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Who waits reads once per wake-up: one for every outcome, and for nothing else.
func TestWakeUpComesWithTheOutcomeAlone(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		subscription := s.client.Subscribe(t.Context(), record.Channel(s.client))
		defer func() { _ = subscription.Close() }()
		if _, err := subscription.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}

		s.create(t, "a")
		first := s.call(t, "a", "1")
		s.begin(t, "a", "busy")
		s.finish(t, waiting("a", first.Fence))
		second := s.call(t, "a", "2")
		s.finish(t, bound("a", second.Fence, "1000")) // wakes
		s.finish(t, bound("a", second.Fence, "1000"))
		s.finish(t, bound("a", first.Fence, "2000")) // a surplus is no outcome
		s.finish(t, rejected("a", first.Fence))
		s.begin(t, "a", "late")

		s.create(t, "b:c@d", func(n *record.New) { n.Deadline = time.UnixMilli(1) })
		s.begin(t, "b:c@d", "1") // wakes: its time is over
		s.create(t, "c")
		lost := s.call(t, "c", "1", func(r *record.Run) { r.Lease = 0 })
		s.lapsed(t, "c", "3", lastCrash)            // wakes: uncertain
		s.finish(t, bound("c", lost.Fence, "3000")) // wakes: better news
		s.reject(t, "d")                            // wakes
		s.reject(t, "d")

		want := []string{"succeeded a", "failed b:c@d", "uncertain c", "succeeded c", "failed d", "end"}
		if err := s.client.Publish(t.Context(), record.Channel(s.client), "end").Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, received(t, subscription)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func received(t *testing.T, subscription *redis.PubSub) (payloads []string) {
	t.Helper()
	for {
		message, err := subscription.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, message.Payload)
		if message.Payload == "end" {
			return payloads
		}
	}
}
