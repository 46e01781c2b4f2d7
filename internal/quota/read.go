package quota

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Known is what the workers have found out about the quota of an action.
type Known struct {
	Action    string
	Rate      float64 // calls a second of all workers together
	Throttled bool    // the last call was: none may leave but a probe
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
		fell, _ := replies[i].Val()[1].(string)
		known = append(known, Known{Action: action, Rate: rate, Throttled: fell != "" && fell != "0"})
	}
	return known, nil
}
