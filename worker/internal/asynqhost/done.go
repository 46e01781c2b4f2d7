package asynqhost

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// doneTask is one that is done. The names of the keys are asynq's.
type doneTask struct {
	active, lease, key, day, all string
	id                           any
	forgetDay                    any // when, in Unix s

	ctx      context.Context //nolint:containedctx // of the caller that waits
	answered chan error
}

// done answers asynq's script for a task that is done.
func (h *Host) done(ctx context.Context, s script) *redis.Cmd {
	t := &doneTask{
		active:    s.keys[0],
		lease:     s.keys[1],
		key:       s.keys[2],
		day:       s.keys[3],
		all:       s.keys[4],
		id:        s.args[0],
		forgetDay: s.args[1],
		ctx:       ctx,
		answered:  make(chan error, 1),
	}
	//nolint:contextcheck // a script does not end with one of those it is about
	err := h.doneLine(t.active).acknowledge(t, h.redis)
	return answer(ctx, "OK", err)
}

func (h *Host) doneLine(active string) *doneLine {
	if l, known := h.lines.Load(active); known {
		return l.(*doneLine) //nolint:forcetypeassert // nothing else is stored
	}
	l, _ := h.lines.LoadOrStore(active, &doneLine{})
	return l.(*doneLine) //nolint:forcetypeassert // nothing else is stored
}

// notFoundError is what asynq's script answers about a task that somebody else has taken off the
// list.
type notFoundError struct{}

func (notFoundError) Error() string { return "NOT FOUND" }

// RedisError marks it as an answer of Redis.
func (notFoundError) RedisError() {}
