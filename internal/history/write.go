package history

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// MinutesFor and HoursFor are how far back minutes and hours go.
	MinutesFor = 24 * time.Hour
	HoursFor   = 14 * 24 * time.Hour

	day = 24 * time.Hour
)

var (
	//go:embed lua/merge.lua
	mergeLua    string
	mergeScript = redis.NewScript(mergeLua)
)

func minutesKey(k Kind, at time.Time) string {
	return "dypls:history:{" + string(k) + "}:minutes:" + at.UTC().Format("2006-01-02T15")
}

func hoursKey(k Kind, at time.Time) string {
	return "dypls:history:{" + string(k) + "}:hours:" + at.UTC().Format(time.DateOnly)
}

// Write adds to the minute and the hour of a moment: counts are added up, of what waits and of
// quotas the most is kept, and of pools the latest. It is one command.
func Write(
	ctx context.Context, client redis.UniversalClient, k Kind, at time.Time, v Values,
) error {
	at = at.UTC()
	err := mergeScript.Run(ctx, client, []string{minutesKey(k, at), hoursKey(k, at)}, k.merge(),
		strconv.Itoa(at.Minute()), strconv.Itoa(at.Hour()),
		(MinutesFor + time.Hour).Milliseconds(), (HoursFor + day).Milliseconds(), v.text()).Err()
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}
