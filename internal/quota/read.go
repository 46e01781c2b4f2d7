package quota

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Known is what the workers have found out about the quota of an action.
type Known struct {
	Action    string
	Rate      float64 // calls a second of all workers together
	Throttled bool    // the last call was: none may leave but a probe
	// Since is when the call left that was throttled, Probe when the next one may leave that finds out
	// whether the quota is free again; zero unless Throttled. Both are by Redis' clock.
	Since, Probe time.Time
}

// Read returns what is known of those actions of an account whose quota is in use, in the order of
// actions. An action that nobody has called for some minutes is forgotten. It asks once.
func Read(
	ctx context.Context,
	client redis.Cmdable,
	account string,
	actions ...string,
) ([]Known, error) {
	replies := make([]*redis.SliceCmd, len(actions))
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, action := range actions {
			replies[i] = p.HMGet(
				ctx,
				bucketKeys(account, action)[0],
				"rate",
				"fell",
				"probe",
			) // fields of lua/quota.lua
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("quota: %w", err)
	}
	var known []Known
	for i, action := range actions {
		text, _ := replies[i].Val()[0].(string)
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		k := Known{Action: action, Rate: rate}
		if fell, is := micros(replies[i].Val()[1]); is {
			k.Throttled, k.Since = true, fell
			k.Probe, _ = micros(replies[i].Val()[2])
		}
		known = append(known, k)
	}
	return known, nil
}

// micros reads a moment; false for none.
func micros(value any) (time.Time, bool) {
	text, _ := value.(string)
	n, err := strconv.ParseFloat(text, 64) // as Lua writes large numbers
	return time.UnixMicro(int64(n)).UTC(), err == nil && n > 0
}
