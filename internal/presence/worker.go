package presence

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

const workersKey = "dypls:workers"

// Worker is one that runs, with the settings that all workers should have the same: no number and
// no secret.
type Worker struct {
	Name string `json:"worker"` // host and process, as host:pid
	// tells those apart that have one name, as containers may
	ID       string            `json:"id"`
	Settings map[string]string `json:"settings"`
}

// AnnounceWorker notes that a worker runs, and with what settings.
func AnnounceWorker(ctx context.Context, client redis.UniversalClient, w Worker) error {
	text, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	return note(ctx, client, workersKey, []string{string(text)})
}

// Leave notes that a worker has ended. One that cannot say so is forgotten after [Fresh].
func Leave(ctx context.Context, client redis.UniversalClient, w Worker) error {
	text, err := json.Marshal(w)
	if err == nil {
		err = client.ZRem(ctx, workersKey, text).Err()
	}
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	return nil
}

// Workers are those that were noted lately.
func Workers(ctx context.Context, client redis.UniversalClient) ([]Worker, error) {
	now, err := client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	noted, err := client.ZRangeByScore(ctx, workersKey, &redis.ZRangeBy{
		Min: strconv.FormatInt(now.Add(-Fresh).UnixMilli(), 10),
		Max: strconv.FormatInt(now.Add(Fresh).UnixMilli(), 10),
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	workers := make([]Worker, 0, len(noted))
	for _, text := range noted {
		var w Worker
		if json.Unmarshal([]byte(text), &w) == nil {
			workers = append(workers, w)
		}
	}
	return workers, nil
}
