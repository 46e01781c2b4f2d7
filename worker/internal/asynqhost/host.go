package prefetch

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Prefetcher is a hook that fetches asynq's tasks ahead for all Servers that use one client.
type Prefetcher struct {
	client redis.UniversalClient
	shares map[string]*share // by the queue that was named
	queues sync.Map          // *queue, by name
}

// New returns a hook for a client, which it is to be added to. Each queue has a number of tasks that this process performs at
// once, over all its Servers; of a queue that is not named nothing is fetched ahead.
func New(client redis.UniversalClient, slots map[string]int) *Prefetcher {
	p := &Prefetcher{client: client, shares: make(map[string]*share, len(slots))}
	for name, n := range slots {
		p.shares[name] = newShare(n)
		p.queues.Store(name, newQueue(client, name, p.shares[name]))
	}
	return p
}

// Share has another queue fetched ahead, which shares the slots of one that New was told: all of them together perform no more. It
// is to be called before the queue is asked for a task.
func (p *Prefetcher) Share(queue, with string) {
	if _, known := p.queues.Load(queue); known || p.shares[with] == nil {
		return
	}
	p.queues.Store(queue, newQueue(p.client, queue, p.shares[with]))
}

func (p *Prefetcher) queue(name string) (*queue, bool) {
	q, known := p.queues.Load(name)
	if !known {
		return nil, false
	}
	return q.(*queue), true //nolint:forcetypeassert // nothing else is stored
}

// Performing notes that a task is being performed, until done is called: it takes up a slot.
func (p *Prefetcher) Performing(queue string) (done func()) {
	if q, known := p.queue(queue); known {
		q.share.begin()
		return q.share.end
	}
	return func() {}
}

// Close puts what is in stock back into its queues. From then on every queue seems empty to the Servers. What could not be put
// back is left to whoever looks after lapsed leases.
func (p *Prefetcher) Close(ctx context.Context) error {
	var errs []error
	for _, q := range p.queues.Range {
		errs = append(errs, q.(*queue).close(ctx)) //nolint:forcetypeassert // nothing else is stored
	}
	return errors.Join(errs...)
}

// DialHook implements [redis.Hook].
func (*Prefetcher) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook implements [redis.Hook].
func (*Prefetcher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements [redis.Hook].
func (p *Prefetcher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		dequeue, isScript := cmd.(*redis.Cmd)
		if !isScript {
			return next(ctx, cmd)
		}
		q, known := p.queue(dequeuedFrom(cmd.Args()))
		if !known {
			return next(ctx, cmd)
		}
		err := q.dequeue(ctx, dequeue, next)
		dequeue.SetErr(err)
		return err
	}
}
