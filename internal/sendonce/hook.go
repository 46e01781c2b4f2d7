package sendonce

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Hook is for one cluster's client, after its other hooks, which see commands as they are.
type Hook struct{ client *redis.ClusterClient }

// New returns a hook for a client, which it is to be added to.
func New(client *redis.ClusterClient) *Hook { return &Hook{client: client} }

// Install adds a hook to a cluster's client. Any other client obeys its MaxRetries, and is left as
// it is.
func Install(client redis.UniversalClient) {
	if cluster, is := client.(*redis.ClusterClient); is {
		cluster.AddHook(New(cluster))
	}
}

// DialHook implements [redis.Hook].
func (*Hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return next(ctx, network, addr)
	}
}

// ProcessHook implements [redis.Hook].
func (h *Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		once, mine := h.wrapUp(cmd)
		if !mine {
			return next(ctx, cmd)
		}
		for n := 0; ; n++ {
			err := next(ctx, once)
			if !redis.IsTryAgainError(err) || !Pause(ctx, n) {
				h.noteLost(ctx, err)
				return err
			}
		}
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (h *Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		sent, wrapped := h.wrapUpAll(cmds)
		err := next(ctx, sent)
		for n := 0; wrapped && cmds[0].Name() != "multi"; n++ { // a transaction is all or nothing
			refused := RefusedForNow(sent)
			if refused == nil || !Pause(ctx, n) {
				break
			}
			_ = next(ctx, refused) // each command has its own error
			err = firstError(cmds)
		}
		h.noteLost(ctx, err)
		return err
	}
}

// wrapUpAll returns the commands of a pipeline as they are to be sent, and whether a script is
// among them that is this hook's.
func (h *Hook) wrapUpAll(cmds []redis.Cmder) (sent []redis.Cmder, wrapped bool) {
	sent = cmds
	for i, cmd := range cmds {
		once, mine := h.wrapUp(cmd)
		if !mine {
			continue
		}
		if !wrapped {
			sent, wrapped = slices.Clone(cmds), true
		}
		sent[i] = once
	}
	return sent, wrapped
}

// wrapUp reports whether a command is this hook's: a script, but for one that another package has
// wrapped up.
func (*Hook) wrapUp(cmd redis.Cmder) (Command, bool) {
	if name := cmd.Name(); name != "evalsha" && name != "eval" {
		return Command{}, false
	}
	_, wrapped := cmd.(Command)
	return Command{cmd}, !wrapped
}

// noteLost has the client look at once where the slots are, when a node may be gone. It would by
// itself within ten seconds.
func (h *Hook) noteLost(ctx context.Context, err error) {
	_, answered := errors.AsType[redis.Error](err)
	if err != nil && !answered && ctx.Err() == nil {
		h.client.ReloadState(ctx)
	}
}

func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return err
		}
	}
	return nil
}
