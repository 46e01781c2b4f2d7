package asynqhost

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// most is how many tasks are fetched at once: Redis does nothing else meanwhile.
	most = 64
	// startsWithin is how long a task that was handed out counts as one that is about to be performed:
	// asynq drops a few without a word to the handler.
	startsWithin = time.Second
)

// queue is what this process knows of one of asynq's queues.
type queue struct {
	attention

	name   string
	client redis.UniversalClient
	turn   chan struct{} // holds a token while somebody fetches or puts back

	share *share
	ended chan struct{} // closed by close

	mu      sync.Mutex  // guards what follows, and attention
	stock   []string    // messages, the next first
	fetched time.Time   // when the stock was asked for
	stale   *time.Timer // puts it back
	ask     int         // for how many next
	away    bool        // its node did not answer
	polled  time.Time   // when it last answered
	closed  bool
}

func newQueue(client redis.UniversalClient, name string, s *share) *queue {
	s.join()
	return &queue{
		name:      name,
		client:    client,
		turn:      make(chan struct{}, 1),
		share:     s,
		ended:     make(chan struct{}),
		ask:       1,
		attention: newAttention(),
	}
}

// dequeue answers a dequeue script, out of the stock or by a fetch: of several Servers one at a
// time, so that the others find what it brings.
func (q *queue) dequeue(ctx context.Context, s script) (string, error) {
	if err := q.takeTurn(ctx); err != nil {
		return "", err
	}
	defer q.endTurn()
	if message, inStock := q.take(); inStock {
		return message, nil
	}
	if err := q.putBack(ctx); err != nil {
		return "", err
	}
	for began := time.Now(); q.await(ctx, began); {
		n, reserved := q.reserve(ctx)
		if n == 0 {
			break
		}
		asked := time.Now()
		hopeful := q.asking(asked)
		message, err := q.store(asked, hopeful, reserved, q.fetch(ctx, s, n))
		if !errors.Is(err, redis.Nil) {
			return message, err
		}
	}
	return "", cmp.Or(ctx.Err(), error(redis.Nil))
}

func (q *queue) takeTurn(ctx context.Context) error {
	select {
	case q.turn <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	select {
	case q.turn <- struct{}{}:
		return nil
	case <-late.C:
		return redis.Nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) endTurn() { <-q.turn }

// take returns the next task in stock, unless it is too old or the queue is closed.
func (q *queue) take() (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.stock) == 0 || q.closed || time.Since(q.fetched) >= keepFor {
		return "", false
	}
	message := q.stock[0]
	q.stock = q.stock[1:]
	q.share.handOut()
	return message, true
}

// reserve returns how many tasks are to be asked for, 0 where the queue is closed, and for how many
// of them it has taken slots. Whoever did not answer the last time is asked for one without a slot:
// it would be kept from the other queues until that fails, too.
func (q *queue) reserve(ctx context.Context) (ask, reserved int) {
	q.mu.Lock()
	ask, closed, away := q.ask, q.closed, q.away
	q.mu.Unlock()
	switch {
	case closed:
		return 0, 0
	case away:
		return 1, 0
	}
	reserved = q.share.reserve(ctx, ask, q.ended)
	return reserved, reserved
}

// fetch sends the dequeue script n times, and returns a reply or an error for each.
func (q *queue) fetch(ctx context.Context, s script, n int) []*redis.Cmd {
	if n == 1 {
		return []*redis.Cmd{s.send(ctx, q.client)}
	}
	cmds := make([]*redis.Cmd, n)
	_, _ = q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range cmds {
			cmds[i] = s.send(ctx, p)
		}
		return nil
	})
	return cmds
}

// store keeps what a fetch brought, but for the first task, which it returns. Of the slots it keeps
// as many as there are tasks.
func (q *queue) store(
	asked time.Time,
	hopeful bool,
	reserved int,
	cmds []*redis.Cmd,
) (string, error) {
	var messages []string
	var failed error
	for _, cmd := range cmds {
		message, err := cmd.Text()
		if err == nil {
			messages = append(messages, message)
		} else if failed == nil {
			failed = err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	_, answered := errors.AsType[redis.Error](failed)
	q.ask, q.away = 1, failed != nil && !answered
	q.answers(hopeful, len(messages) > 0, !errors.Is(failed, redis.Nil))
	if len(messages) > 0 || errors.Is(failed, redis.Nil) {
		q.polled = time.Now()
	}
	if failed == nil {
		q.ask = min(2*len(cmds), most)
	}
	q.share.give(reserved - len(messages))
	if len(messages) == 0 {
		return "", failed
	}
	q.share.handOut()
	q.stock, q.fetched = messages[1:], asked
	if len(q.stock) > 0 {
		q.watch()
	}
	return messages[0], nil
}

// answered tells when Redis last answered whether there is a task.
func (q *queue) answered() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.polled
}
