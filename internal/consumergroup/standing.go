package consumergroup

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Standing is how a group of a stream stands.
type Standing struct {
	Name    string
	Pending int64 // entries that it was given and has not acknowledged
	Lag     int64 // entries that it was not given yet; -1 where Redis cannot tell
	// Idle is how long no consumer has asked; negative where none ever has.
	Idle time.Duration
}

// Standings are those of all groups of a stream; none where there is no stream.
func Standings(
	ctx context.Context, client redis.UniversalClient, stream string,
) ([]Standing, error) {
	groups, err := client.XInfoGroups(ctx, stream).Result()
	if redis.HasErrorPrefix(err, "no such key") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := make([]Standing, 0, len(groups))
	for _, g := range groups {
		consumers, err := client.XInfoConsumers(ctx, stream, g.Name).Result()
		if isGone(err) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		s := Standing{Name: g.Name, Pending: g.Pending, Lag: g.Lag, Idle: -1}
		for _, c := range consumers {
			if s.Idle < 0 || c.Idle < s.Idle {
				s.Idle = c.Idle
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// Remove removes the group with what it has not acknowledged, and reports whether it was there.
func (g Group) Remove(ctx context.Context) (bool, error) {
	n, err := g.Redis.XGroupDestroy(ctx, g.Stream, g.Name).Result()
	if redis.HasErrorPrefix(err, "The XGROUP subcommand requires the key to exist") {
		return false, nil
	}
	return n > 0, err
}
