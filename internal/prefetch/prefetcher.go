package prefetch

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// Prefetcher is a hook that fetches asynq's tasks ahead for all Servers that use one client.
type Prefetcher struct{ queues map[string]*queue }

// New returns a hook for a client, which it is to be added to. Each queue has a number of tasks that this process performs at
// once, over all its Servers; of a queue that is not named nothing is fetched ahead.
func New(client redis.UniversalClient, slots map[string]int) *Prefetcher {
	p := &Prefetcher{queues: make(map[string]*queue, len(slots))}
	for name, n := range slots {
		p.queues[name] = newQueue(client, name, n)
	}
	return p
}

// Performing notes that a task is being performed, until done is called: it takes up a slot.
func (p *Prefetcher) Performing(queue string) (done func()) {
	if q, known := p.queues[queue]; known {
		q.begin()
		return q.end
	}
	return func() {}
}

// Close puts what is in stock back into its queues. From then on every queue seems empty to the Servers. What could not be put
// back is left to whoever looks after lapsed leases.
func (p *Prefetcher) Close(ctx context.Context) error {
	errs := make([]error, 0, len(p.queues))
	for _, q := range p.queues {
		errs = append(errs, q.close(ctx))
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
		q, known := p.queues[dequeuedFrom(cmd.Args())]
		if !known {
			return next(ctx, cmd)
		}
		err := q.dequeue(ctx, dequeue, next)
		dequeue.SetErr(err)
		return err
	}
}
