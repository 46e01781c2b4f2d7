package asynqhost

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// forward answers asynq's script that moves what is due from a set of tasks that wait to those that
// are pending. Redis is asked when something is known to be due, and otherwise seldom.
func (h *Host) forward(ctx context.Context, s script) *redis.Cmd {
	name, _ := asynqwire.QueueOf(s.keys[1], asynqwire.Pending)
	q, known := h.queue(name)
	if !known {
		return s.send(ctx, h.redis)
	}
	set := s.keys[0]
	now, _ := s.args[0].(int64)
	if !q.asksSet(set, now) {
		return answer(ctx, int64(0), nil)
	}
	var moved *redis.Cmd
	var next *redis.ZSliceCmd
	_, _ = h.redis.Pipelined(ctx, func(p redis.Pipeliner) error { // each has its own error
		moved, next = s.send(ctx, p), p.ZRangeWithScores(ctx, set, 0, 0)
		return nil
	})
	n, err := moved.Int()
	q.askedSet(set, errors.Join(err, next.Err()), next.Val())
	if n > 0 {
		h.announce(name) //nolint:contextcheck // it ends by itself
	}
	return moved
}

// asksSet reports whether Redis is to be asked for what is due.
func (q *queue) asksSet(set string, now int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.delayed[set]
	if d == nil || d.asked.IsZero() || d.next != 0 && now >= d.next {
		return true
	}
	every := q.askEvery()
	if q.hears == hearsAll {
		every = delayedSeldom
	}
	return time.Since(d.asked) >= every
}

func (q *queue) askedSet(set string, err error, first []redis.Z) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		return
	}
	d := &delayed{asked: time.Now()}
	if len(first) > 0 {
		d.next = max(int64(first[0].Score), 1)
	}
	q.delayed[set] = d
}

// retry passes asynq's script on that has a task wait for its next try, and notes when that is.
func (h *Host) retry(ctx context.Context, s script) *redis.Cmd {
	cmd := s.send(ctx, h.redis)
	name, _ := asynqwire.QueueOf(s.keys[3], asynqwire.Retry)
	due, isTime := s.args[2].(int64)
	if q, known := h.queue(name); known && isTime && cmd.Err() == nil {
		q.mu.Lock()
		q.waits(s.keys[3], due)
		q.mu.Unlock()
	}
	return cmd
}

// requeue passes asynq's script on that puts a task back at the end of a process, and announces it.
func (h *Host) requeue(ctx context.Context, s script) *redis.Cmd {
	cmd := s.send(ctx, h.redis)
	if name, of := asynqwire.QueueOf(s.keys[2], asynqwire.Pending); of && cmd.Err() == nil {
		h.announce(name) //nolint:contextcheck // it ends by itself
	}
	return cmd
}
