package autopipeline

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
)

// doOnCluster has each node's part of a group sent on a lane of its own, and waits for all of them.
// It reports whether that was before ctx was over.
func (h *Hook) doOnCluster(ctx context.Context, g *group) bool {
	sent := g.sent
	for n := 0; ; n++ {
		if !h.sendApart(ctx, sent) {
			return false
		}
		sent = sendonce.RefusedForNow(sent)
		if sent == nil || !sendonce.Pause(ctx, n) {
			return true
		}
	}
}

func (h *Hook) sendApart(ctx context.Context, sent []sendonce.Command) bool {
	parts := map[*lane]*part{}
	for _, cmd := range sent {
		l := h.laneOf(ctx, cmd)
		if parts[l] == nil {
			parts[l] = newPart(ctx, nil)
		}
		parts[l].sent = append(parts[l].sent, cmd)
	}
	for l, p := range parts {
		if l == nil {
			go sendParts(h.client, sendWithin, p) //nolint:gosec,contextcheck // a pipeline does not end with its caller
			continue
		}
		l.enqueue(p) //nolint:contextcheck // a pipeline does not end with one of its callers
	}
	for _, p := range parts {
		if !p.wait() {
			return false
		}
	}
	return true
}

// laneOf returns nil for a command that may go to any node, or whose node is not known: it goes by
// itself, as it might hold others up.
func (h *Hook) laneOf(ctx context.Context, cmd redis.Cmder) *lane {
	key := keyOf(cmd)
	if key == "" {
		return nil
	}
	node, err := h.cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil
	}
	addr := node.Options().Addr
	if l, known := h.lanes.Load(addr); known {
		return l.(*lane) //nolint:forcetypeassert // nothing else is stored
	}
	l, _ := h.lanes.LoadOrStore(addr, newLane(h.client))
	return l.(*lane) //nolint:forcetypeassert // nothing else is stored
}

// keyOf returns the first key of one of the commands that are shared, "" for none.
func keyOf(cmd redis.Cmder) string {
	const ofScript, keysOfScript, ofOthers = 3, 2, 1
	args, at := cmd.Args(), ofOthers
	if name := cmd.Name(); name == "evalsha" || name == "eval" {
		at = ofScript
		if len(args) > keysOfScript && fmt.Sprint(args[keysOfScript]) == "0" {
			return ""
		}
	}
	if len(args) <= at {
		return ""
	}
	switch key := args[at].(type) {
	case string:
		return key
	case []byte:
		return string(key)
	default:
		return fmt.Sprint(key)
	}
}
