package asynqhost

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// Config is what a host needs to know.
type Config struct {
	// Slots is how many tasks of each queue this process performs at once, over all its Servers. Of a
	// queue that is not named nothing is fetched ahead.
	Slots map[string]int
}

// Host is what all Servers of one process share.
type Host struct {
	redis  redis.UniversalClient
	shares map[string]*share // by the queue that was named
	queues sync.Map          // *queue, by name
	lines  sync.Map          // *doneLine, by the active list of a queue

	ctx     context.Context //nolint:containedctx // of those who listen
	stop    context.CancelFunc
	running sync.WaitGroup // of them

	mu      sync.Mutex
	listens bool
	heard   map[string]hears // how well each channel is heard
}

// New returns a host on a client, which it leaves as it is.
func New(client redis.UniversalClient, config Config) *Host {
	h := &Host{
		redis: client, shares: make(map[string]*share, len(config.Slots)), heard: map[string]hears{},
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	for name, n := range config.Slots {
		h.shares[name] = newShare(n)
		h.queues.Store(name, newQueue(client, name, h.shares[name]))
	}
	return h
}

// Client returns the client for asynq's Servers.
func (h *Host) Client() redis.UniversalClient { return client{h.redis, h} } //nolint:ireturn // what asynq takes

// Share has another queue fetched ahead, which shares the slots of one that New was told: all of
// them together perform no more. It is to be called before the queue is asked for a task.
func (h *Host) Share(queue, with string) {
	if _, known := h.queues.Load(queue); known || h.shares[with] == nil {
		return
	}
	q := newQueue(h.redis, queue, h.shares[with])
	channel, own := announce.Channel(h.redis, queue)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queues.Store(queue, q)
	q.hear(h.heard[channel])
	if own && h.listens {
		h.listen(queue)
	}
}

func (h *Host) queue(name string) (*queue, bool) {
	q, known := h.queues.Load(name)
	if !known {
		return nil, false
	}
	return q.(*queue), true //nolint:forcetypeassert // nothing else is stored
}

// Performing notes that a task is being performed, until done is called: it takes up a slot.
func (h *Host) Performing(queue string) (done func()) {
	if q, known := h.queue(queue); known {
		q.share.begin()
		return q.share.end
	}
	return func() {}
}

// Polled tells when Redis last answered whether each queue that is fetched ahead has a task; the
// zero time for never.
func (h *Host) Polled() map[string]time.Time {
	times := map[string]time.Time{}
	for name, q := range h.queues.Range {
		times[name.(string)] = q.(*queue).answered() //nolint:forcetypeassert // nothing else is stored
	}
	return times
}

// Close puts what is in stock back into its queues, and listens no longer. From then on every queue
// seems empty to the Servers. What could not be put back is left to whoever looks after lapsed
// leases.
func (h *Host) Close(ctx context.Context) error {
	h.stop()
	var errs []error
	for _, q := range h.queues.Range {
		errs = append(errs, q.(*queue).close(ctx)) //nolint:forcetypeassert // nothing else is stored
	}
	return errors.Join(errs...)
}

// dequeue answers asynq's script that fetches a task.
func (h *Host) dequeue(ctx context.Context, s script) *redis.Cmd {
	name, _ := asynqwire.QueueOf(s.keys[0], asynqwire.Pending)
	q, known := h.queue(name)
	if !known {
		return s.send(ctx, h.redis)
	}
	message, err := q.dequeue(ctx, s)
	return answer(ctx, message, err)
}
