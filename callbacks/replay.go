package callbacks

import (
	"context"
	"time"
)

// Replay tells an endpoint again, under the same webhook-ids, of what it was told of, or should have
// been, since a time, as far as the streams have kept it, which is 24 hours. What was given up, or
// has failed, is sent again whenever it happened. What is being sent is left alone. It returns how
// many deliveries there are.
//
// Errors: [ErrUnknownEndpoint], [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Sender) Replay(ctx context.Context, endpoint string, since time.Time) (int, error) {
	to, err := s.endpoint(endpoint)
	if err != nil {
		return 0, err
	}
	r := replay{Sender: s, to: to, done: map[string]bool{}}
	for _, step := range []func(context.Context) error{r.undelivered} {
		if err := step(ctx); err != nil {
			return len(r.done), failure(ctx, err)
		}
	}
	return len(r.done), nil
}

// replay is one of an endpoint.
type replay struct {
	*Sender

	to   Endpoint
	done map[string]bool // by webhook-id
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
