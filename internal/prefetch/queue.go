package prefetch

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// most is how many tasks are fetched at once: Redis does nothing else meanwhile.
	most = 64
	// startsWithin is how long a task that was handed out counts as one that is about to be performed: asynq drops a few
	// without a word to the handler.
	startsWithin = time.Second
)

// queue is what this process knows of one of asynq's queues.
type queue struct {
	name   string
	client redis.UniversalClient
	turn   chan struct{} // holds a token while somebody fetches or puts back

	mu      sync.Mutex // guards what follows
	slots   int
	running int
	handed  []time.Time // when what is not performed yet was handed out, the oldest first
	stock   []string    // messages, the next first
	fetched time.Time   // when the stock was asked for
	stale   *time.Timer // puts it back
	ask     int         // for how many next
	closed  bool
}

func newQueue(client redis.UniversalClient, name string, slots int) *queue {
	return &queue{name: name, client: client, turn: make(chan struct{}, 1), slots: slots, ask: 1}
}

// begin notes that one of the tasks that were handed out is performed.
func (q *queue) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.handed) > 0 {
		q.handed = q.handed[1:]
	}
	q.running++
}

func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
}

// dequeue answers a dequeue script, out of the stock or by a fetch: of several Servers one at a time, so that the others find
// what it brings.
func (q *queue) dequeue(ctx context.Context, cmd *redis.Cmd, one redis.ProcessHook) error {
	if err := q.takeTurn(ctx); err != nil {
		return err
	}
	defer q.endTurn()
	if message, inStock := q.take(); inStock {
		cmd.SetVal(message)
		return nil
	}
	if err := q.putBack(ctx); err != nil {
		return err
	}
	n := q.toFetch()
	if n == 0 {
		return redis.Nil
	}
	asked := time.Now()
	message, err := q.store(asked, q.fetch(ctx, cmd, n, one))
	if err == nil {
		cmd.SetVal(message)
	}
	return err
}

func (q *queue) takeTurn(ctx context.Context) error {
	select {
	case q.turn <- struct{}{}:
		return nil
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
	q.handed = append(q.handed, time.Now())
	return message, true
}

// toFetch is how many tasks to fetch: what is asked for, and no more than there are free slots, one of which has whoever asks.
func (q *queue) toFetch() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0
	}
	for len(q.handed) > 0 && time.Since(q.handed[0]) > startsWithin {
		q.handed = q.handed[1:]
	}
	return max(min(q.ask, q.slots-q.running-len(q.handed)), 1)
}

// fetch sends the dequeue script n times, and returns a reply or an error for each.
func (q *queue) fetch(ctx context.Context, dequeue *redis.Cmd, n int, one redis.ProcessHook) []*redis.Cmd {
	if n == 1 {
		dequeue.SetErr(one(ctx, dequeue)) // which a hook returns, and sets only on the way out
		return []*redis.Cmd{dequeue}
	}
	cmds := make([]*redis.Cmd, n)
	_, _ = q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range cmds {
			cmds[i] = p.Do(ctx, dequeue.Args()...)
		}
		return nil
	})
	return cmds
}

// store keeps what a fetch brought, but for the first task, which it returns.
func (q *queue) store(asked time.Time, cmds []*redis.Cmd) (string, error) {
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
	q.ask = 1
	if failed == nil {
		q.ask = min(2*len(cmds), most)
	}
	if len(messages) == 0 {
		return "", failed
	}
	q.handed = append(q.handed, time.Now())
	q.stock, q.fetched = messages[1:], asked
	if len(q.stock) > 0 {
		q.watch()
	}
	return messages[0], nil
}
