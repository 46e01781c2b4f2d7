package history

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Span is the rows of a stretch of time, the oldest first. A moment of which
// nothing was written has no row.
type Span struct {
	Since, Till time.Time
	Step        time.Duration // a minute or an hour, which each row is about
	Rows        []Row
}

// Read returns the rows of a kind from a moment until now, by the reader's clock: by the minute
// where that is a day at most, by the hour where it is longer, and 14 days at most. It asks once.
func Read(ctx context.Context, client redis.Cmdable, k Kind, since, now time.Time) (Span, error) {
	since, now = since.UTC(), now.UTC()
	s := Span{Since: since, Till: now, Step: time.Minute}
	unit, keyOf := time.Hour, minutesKey
	if now.Sub(since) > MinutesFor {
		s.Since = latest(since, now.Add(-HoursFor))
		s.Step, unit, keyOf = time.Hour, day, hoursKey
	}
	var begins []time.Time
	for at := s.Since.Truncate(unit); !at.After(now); at = at.Add(unit) {
		begins = append(begins, at)
	}
	hashes := make([]*redis.MapStringStringCmd, len(begins))
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, at := range begins {
			hashes[i] = p.HGetAll(ctx, keyOf(k, at))
		}
		return nil
	})
	if err != nil {
		return Span{}, fmt.Errorf("history: %w", err)
	}
	for i, begin := range begins {
		for field, text := range hashes[i].Val() {
			n, err := strconv.Atoi(field)
			at := begin.Add(time.Duration(n) * s.Step)
			if err != nil || at.Before(s.Since.Truncate(s.Step)) || at.After(now) {
				continue
			}
			s.Rows = append(s.Rows, Row{At: at, Values: parseValues(text)})
		}
	}
	slices.SortFunc(s.Rows, func(a, b Row) int { return a.At.Compare(b.At) })
	return s, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
