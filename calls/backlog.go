package calls

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Backlog is what was taken in and is not done.
type Backlog struct {
	Waiting     int64         // pushes that are not merged yet
	Oldest      time.Duration // since the first of them was stored; 0 where none waits
	Unread      int64         // receipts that could not be read, 10,000 of them at most
	UnreadSince time.Duration // since the last of them was put aside
	UnreadWhy   string        // why it could not be read, without what is in it
}

// Backlog looks at what was taken in. It changes nothing.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var now *redis.TimeCmd
	var waiting, unread *redis.IntCmd
	var first, last *redis.XMessageSliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		now = p.Time(ctx)
		waiting, first = p.XLen(ctx, pushStream), p.XRangeN(ctx, pushStream, "-", "+", 1)
		unread, last = p.XLen(ctx, unreadStream), p.XRevRangeN(ctx, unreadStream, "+", "-", 1)
		return nil
	})
	if err != nil {
		return Backlog{}, failure(ctx, err)
	}
	b := Backlog{Waiting: waiting.Val(), Unread: unread.Val()}
	since := func(entry redis.XMessage) time.Duration {
		return max(now.Val().Sub(takenIn(entry.ID)), 0)
	}
	for _, entry := range first.Val() {
		b.Oldest = since(entry)
	}
	for _, entry := range last.Val() {
		b.UnreadSince = since(entry)
		b.UnreadWhy, _ = entry.Values[fieldReason].(string)
	}
	return b, nil
}
