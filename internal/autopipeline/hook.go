package autopipeline

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// senders is how many pipelines are under way at once, whatever there is to send: with one, a command would wait for the end
	// of a round trip that it has just missed; with many, pipelines would be short. Measured.
	senders = 4
	// moreSenders is how many there are at most where Redis is far away: each beyond the first needs worthAnother groups that wait.
	moreSenders  = 16
	worthAnother = 8
	// longest is how many commands a pipeline takes in. A longer group goes by itself.
	longest = 64
	// sendWithin bounds one pipeline.
	sendWithin = 3 * time.Second
)

// Hook shares pipelines among the commands of one client.
type Hook struct {
	client redis.UniversalClient

	mu      sync.Mutex
	waiting []*group
	sending int
}

// New returns a hook for a client, which it is to be added to, after all other hooks.
func New(client redis.UniversalClient) *Hook { return &Hook{client: client} }

// ownPipeline marks the context of a pipeline that this package sends.
type ownPipeline struct{}

// DialHook implements [redis.Hook].
func (*Hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (h *Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if g := newGroup(ctx, cmd); g != nil {
			return h.do(ctx, g)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (h *Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if ctx.Value(ownPipeline{}) == nil && len(cmds) <= longest {
			if g := newGroup(ctx, cmds...); g != nil {
				return h.do(ctx, g)
			}
		}
		return next(ctx, cmds)
	}
}

// do has a group sent, and waits for its replies or the end of ctx.
func (h *Hook) do(ctx context.Context, g *group) error {
	if ctx.Err() == nil {
		h.enqueue(g) //nolint:contextcheck // a pipeline does not end with one of its callers
		select {
		case <-g.answered:
			return g.deliver()
		case <-ctx.Done():
		}
	}
	return g.abandon(ctx.Err())
}

// enqueue wakes a sender, unless all are awake: the first to come back finds the group.
func (h *Hook) enqueue(g *group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, g)
	if h.sending < senders || h.sending < moreSenders && len(h.waiting) >= worthAnother {
		h.sending++
		go h.send()
	}
}

// send sends whatever waits, until nothing does.
func (h *Hook) send() {
	for {
		groups := h.next()
		if groups == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), ownPipeline{}, true), sendWithin)
		pipeline := h.client.Pipeline()
		for _, g := range groups {
			for _, cmd := range g.sent {
				_ = pipeline.Process(ctx, cmd)
			}
		}
		_, _ = pipeline.Exec(ctx) // each command has its own error
		cancel()
		for _, g := range groups {
			close(g.answered)
		}
	}
}

// next takes the groups of the next pipeline, without those that nobody waits for any longer. It lets the sender go when
// nothing waits.
func (h *Hook) next() []*group {
	h.mu.Lock()
	defer h.mu.Unlock()
	var groups []*group
	taken, commands := 0, 0
	for _, g := range h.waiting {
		if commands += len(g.sent); commands > longest && groups != nil {
			break
		}
		taken++
		if g.ctx.Err() == nil {
			groups = append(groups, g)
		}
	}
	h.waiting = h.waiting[taken:]
	if groups == nil {
		h.waiting = nil
		h.sending--
	}
	return groups
}
