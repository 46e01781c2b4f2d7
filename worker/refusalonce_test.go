package worker

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestARefusalIsSaidOnceForAllTasks: what many tasks want to write down, and a Redis refuses, is
// one line with what to mend.
func TestARefusalIsSaidOnceForAllTasks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client(t).Do(t.Context(), "ACL", "SETUSER", "weak", "on", ">s3cret", "~*", "+ping", "+hello", "+client").Err(); err != nil {
		t.Fatal(err)
	}
	options := *server.Client(t).Options()
	options.Username, options.Password = "weak", "s3cret"
	client := redis.NewClient(&options)
	t.Cleanup(func() { _ = client.Close() })
	var lines bytes.Buffer
	log := zerolog.New(zerolog.SyncWriter(&lines))
	stopped := make(chan struct{})
	w := &Worker{log: log, refusals: &refusalLog{log: log}, stopped: stopped}
	const tasks = 20
	var refused, all sync.WaitGroup
	refused.Add(tasks)
	for range tasks {
		all.Go(func() {
			again := 0
			_ = w.untilWritten(t.Context(), "k", "step", func(ctx context.Context) error {
				if again++; again == 2 { // the first refusal was told
					refused.Done()
				}
				return client.Set(ctx, "k", 1, time.Minute).Err()
			})
		})
	}
	refused.Wait()
	close(stopped)
	all.Wait()
	if n := strings.Count(lines.String(), "\n"); n != 1 || !strings.Contains(lines.String(), "ACL SETUSER") {
		t.Errorf("%d lines:\n%s", n, lines.String())
	}
}
