package asynqhost

import (
	"context"
	_ "embed" // the script
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

const (
	// keepFor is how long a task in stock may still be handed out.
	keepFor = 2 * time.Second
	// putBackWithin bounds putting back what was not handed out in time.
	putBackWithin = 3 * time.Second
)

//go:embed lua/putback.lua
var putBackLua string

// watch has the stock put back when it is not handed out in time, so that somebody else can perform
// it. mu is held.
func (q *queue) watch() {
	if q.stale == nil {
		q.stale = time.AfterFunc(keepFor, q.putBackStale)
		return
	}
	q.stale.Reset(keepFor)
}

func (q *queue) putBackStale() {
	ctx, cancel := context.WithTimeout(context.Background(), putBackWithin)
	defer cancel()
	if !q.isStale() || q.takeTurn(ctx) != nil { // whoever has the turn finds it stale, too
		return
	}
	defer q.endTurn()
	if q.isStale() {
		_ = q.putBack(ctx) // what fails is as if this process had ended
	}
}

func (q *queue) isStale() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.stock) > 0 && time.Since(q.fetched) >= keepFor
}

// putBack puts the stock back at the head of the queue, in its order, if there is any. What could
// not be put back is not handed out either: its lease lapses. The caller has the turn.
func (q *queue) putBack(ctx context.Context) error {
	q.mu.Lock()
	messages := q.stock
	q.stock = nil
	q.mu.Unlock()
	if len(messages) == 0 {
		return nil
	}
	q.share.give(len(messages))
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, message := range slices.Backward(messages) {
			if id := asynqwire.TaskID(message); id != "" {
				k := asynqwire.Queue(q.name)
				p.Eval(
					ctx,
					putBackLua,
					[]string{
						k.Key(asynqwire.Active),
						k.Key(asynqwire.Lease),
						k.Key(asynqwire.Pending),
						k.Task(id),
					},
					id,
				)
			}
		}
		p.Do(ctx, announce.Command(q.client, q.name, time.Time{})...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("put tasks back into queue %s: %w", q.name, err)
	}
	return nil
}

// close waits for a fetch that is under way, and puts back what it brought.
func (q *queue) close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.ended)
	}
	q.mu.Unlock()
	if err := q.takeTurn(ctx); err != nil {
		return err
	}
	defer q.endTurn()
	return q.putBack(ctx)
}
