package autopipeline

import (
	"context"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Hook shares pipelines among the commands of one client.
type Hook struct {
	client  redis.UniversalClient
	cluster *redis.ClusterClient // nil for one Redis
	all     *lane                // of one Redis
	lanes   sync.Map             // of a cluster's nodes, by address
}

// New returns a hook for a client, which it is to be added to, after all other hooks.
func New(client redis.UniversalClient) *Hook {
	cluster, _ := client.(*redis.ClusterClient)
	return &Hook{client: client, cluster: cluster, all: newLane(client)}
}

// ownPipeline marks the context of a pipeline that this package sends.
type ownPipeline struct{}

// DialHook implements [redis.Hook].
func (*Hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return next(ctx, network, addr)
	}
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
	switch {
	case ctx.Err() != nil:
	case h.cluster == nil:
		if h.all.do(ctx, g.sent) {
			return g.deliver()
		}
	case h.doOnCluster(ctx, g):
		return g.deliver()
	}
	return g.abandon(ctx.Err())
}
