package autopipeline

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
)

// shared are the commands that share pipelines: those that are issued often, answer at once, and
// touch nothing but keys.
var shared = map[string]bool{
	"evalsha": true, "eval": true,
	"hset": true, "hget": true, "zadd": true, "zrem": true, "xadd": true,
	"publish": true, "spublish": true,
}

// group is what one caller wants sent together. The pipelines fill copies in, and the caller takes
// their replies over itself: one that has left is not written to behind its back.
type group struct {
	cmds []redis.Cmder      // the caller's
	sent []sendonce.Command // copies
}

// newGroup returns nil for commands that are not to be shared.
func newGroup(ctx context.Context, cmds ...redis.Cmder) *group {
	sent := make([]sendonce.Command, len(cmds))
	for i, cmd := range cmds {
		if sent[i].Cmder = copyOf(ctx, cmd); sent[i].Cmder == nil {
			return nil
		}
	}
	return &group{cmds: cmds, sent: sent}
}

// deliver hands the replies over, and returns the first error.
func (g *group) deliver() error {
	var first error
	for i, cmd := range g.cmds {
		moveReply(cmd, g.sent[i].Cmder)
		if first == nil {
			first = cmd.Err()
		}
	}
	return first
}

func (g *group) abandon(err error) error {
	for _, cmd := range g.cmds {
		cmd.SetErr(err)
	}
	return err
}

// copyOf returns nil for a command that is not to be shared.
//
//nolint:ireturn // of the same type as cmd
func copyOf(ctx context.Context, cmd redis.Cmder) redis.Cmder {
	if !shared[cmd.Name()] || !encodable(cmd.Args()) {
		return nil
	}
	switch cmd.(type) {
	case *redis.Cmd:
		return redis.NewCmd(ctx, cmd.Args()...)
	case *redis.IntCmd:
		return redis.NewIntCmd(ctx, cmd.Args()...)
	case *redis.StringCmd:
		return redis.NewStringCmd(ctx, cmd.Args()...)
	default:
		return nil
	}
}

// encodable tells whether arguments can be written for certain: one that cannot would spoil the
// pipeline for the others.
func encodable(args []any) bool {
	for _, arg := range args {
		switch arg.(type) {
		case nil, string, []byte, bool, int, int64, int32, uint, uint64, uint32, float64, float32:
		default:
			return false
		}
	}
	return true
}

func moveReply(to, from redis.Cmder) {
	switch to := to.(type) {
	case *redis.Cmd:
		if from, same := from.(*redis.Cmd); same {
			to.SetVal(from.Val())
		}
	case *redis.IntCmd:
		if from, same := from.(*redis.IntCmd); same {
			to.SetVal(from.Val())
		}
	case *redis.StringCmd:
		if from, same := from.(*redis.StringCmd); same {
			to.SetVal(from.Val())
		}
	}
	to.SetErr(from.Err())
}
