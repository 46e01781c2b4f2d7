package doctor

import (
	"context"
	"fmt"
	"time"
)

const (
	// clockTold and clockLost are how far this machine's clock and Redis' may differ.
	clockTold, clockLost = 2 * time.Second, 10 * time.Second
	clockSamples         = 3
)

// clock compares this machine's clock with Redis', by which deadlines and claims are kept. The
// quickest answer is the most exact.
func (e *examination) clock(ctx context.Context) ([]Finding, error) {
	var ahead, took time.Duration
	for n := range clockSamples {
		sent, start := e.Now(), time.Now()
		theirs, err := e.Redis.Time(ctx).Result()
		if err != nil {
			return nil, err
		}
		if trip := time.Since(start); n == 0 || trip/2 < took {
			took = trip / 2
			ahead = sent.Add(took).Sub(theirs)
		}
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	f := found(
		"",
		"this machine is %s %s Redis (give or take %s)",
		ahead.Abs().Round(time.Millisecond),
		word,
		took.Round(time.Microsecond),
	)
	const remedy = "synchronise this machine's clock, and that of Redis' (chronyc tracking)"
	switch {
	case ahead.Abs() > clockLost:
		f.Found += fmt.Sprintf(
			", more than %s: tasks made here start or expire at the wrong time, and workers take each other's tasks for lost",
			clockLost,
		)
		return []Finding{f.but(Loses, remedy)}, nil
	case ahead.Abs() > clockTold:
		return []Finding{f.but(Warning, remedy)}, nil
	}
	return []Finding{f}, nil
}
