package callbacks

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// replayBatch is how many events are read at once.
	replayBatch = 256
	// longestCall is how long before an event of a call it may have been dialled, recordings among it.
	longestCall = 48 * time.Hour
)

// Replay tells an endpoint again, under the same webhook-ids, of what it was told of, or should
// have been, since a time: of tasks as far as their stream has kept it, which is 24 hours, and of
// calls. What was given up, or has failed, is sent again whenever it happened. What is being sent
// is left alone. It returns how many deliveries there are.
//
// Errors: [ErrUnknownEndpoint], [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Sender) Replay(ctx context.Context, endpoint string, since time.Time) (int, error) {
	to, err := s.endpoint(endpoint)
	if err != nil {
		return 0, err
	}
	r := replay{Sender: s, to: to, since: since, done: map[string]bool{}}
	for _, step := range []func(context.Context) error{r.undelivered, r.ofTasks, r.ofCalls} {
		if err := step(ctx); err != nil {
			return len(r.done), failure(ctx, err)
		}
	}
	return len(r.done), nil
}

// replay is one of an endpoint.
type replay struct {
	*Sender

	to    Endpoint
	since time.Time
	done  map[string]bool // by webhook-id
}

// undelivered begins anew what was given up, what has failed, and what rests.
func (r *replay) undelivered(ctx context.Context) error {
	k := keysOf(r.to.Name)
	for _, set := range []string{k.dead(), k.failing(), k.resting()} {
		ids, err := r.store.redis.ZRange(ctx, set, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := r.again(ctx, id, "", nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofTasks reads the stream of outcomes, as it is now.
func (r *replay) ofTasks(ctx context.Context) error {
	from := strconv.FormatInt(max(r.since.UnixMilli(), 0), 10)
	for {
		entries, err := r.store.redis.XRangeN(ctx, record.Stream, from, "+", replayBatch).Result()
		if err != nil || len(entries) == 0 {
			return err
		}
		ids := make([]string, len(entries))
		for i, e := range entries {
			ids[i], _ = e.Values[record.StreamID].(string)
		}
		outcomes, err := r.Queue.Outcomes(ctx, ids...)
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.State == tasks.StateUnknown || o.State == tasks.StatePending {
				continue
			}
			if o.Undecryptable != "" {
				return o.Err()
			}
			if err := r.event(ctx, ofTask(o)); err != nil {
				return err
			}
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

// ofCalls reads the calls that may have ended since, or whose recording may have been kept.
func (r *replay) ofCalls(ctx context.Context) error {
	if r.Calls == nil {
		return nil
	}
	filter := calls.Filter{Since: r.since.Add(-longestCall), Limit: replayBatch}
	for {
		some, next, err := r.Calls.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, c := range some {
			if c.Undecryptable != nil {
				return fmt.Errorf("a call: %w", c.Undecryptable)
			}
			events, err := ofCall(c)
			if err != nil {
				return err
			}
			for _, e := range events {
				if e.at.Before(r.since) {
					continue
				}
				if err := r.event(ctx, e); err != nil {
					return err
				}
			}
		}
		if filter.Cursor = next; next == "" {
			return nil
		}
	}
}

// event begins anew the delivery of an event that the endpoint wants.
func (r *replay) event(ctx context.Context, e event) error {
	if !r.to.wants(e.kind, e.account, e.named) {
		return nil
	}
	body, err := e.body(r.to.Full, r.now())
	if err != nil {
		return err
	}
	return r.again(ctx, e.id, e.kind, body)
}

func (r *replay) again(ctx context.Context, id string, kind EventType, body []byte) error {
	if r.done[id] {
		return nil
	}
	begins, err := r.store.again(ctx, r.to.Name, id, kind, body, r.now())
	if begins {
		r.done[id] = true
	}
	return err
}
