package acknowledge

import (
	"context"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Hook acknowledges the tasks of all Servers that use one client.
type Hook struct{ lines sync.Map } // of each queue, by its active list

// New returns a hook for a client.
func New() *Hook { return &Hook{} }

// DialHook implements [redis.Hook].
func (*Hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook implements [redis.Hook].
func (*Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements [redis.Hook].
func (h *Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		script, isScript := cmd.(*redis.Cmd)
		if !isScript {
			return next(ctx, cmd)
		}
		t := doneOf(ctx, script)
		if t == nil {
			return next(ctx, cmd)
		}
		err := h.lineOf(t.active).acknowledge(t, next) //nolint:contextcheck // a script does not end with one of those it is about
		if err == nil {
			script.SetVal("OK")
		}
		script.SetErr(err)
		return err
	}
}

func (h *Hook) lineOf(active string) *line {
	if l, known := h.lines.Load(active); known {
		return l.(*line) //nolint:forcetypeassert // nothing else is stored
	}
	l, _ := h.lines.LoadOrStore(active, &line{})
	return l.(*line) //nolint:forcetypeassert // nothing else is stored
}
