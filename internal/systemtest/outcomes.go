package systemtest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Told waits for the first outcome of each task.
func (s *System) Told(t *testing.T, ids []string, within time.Duration) map[string]tasks.Outcome {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	outcomes := map[string]tasks.Outcome{}
	if err := queue.WaitAll(ctx, ids, func(o tasks.Outcome) { outcomes[o.ID] = o }); err != nil {
		t.Fatalf("%d of %d settled: %v", len(outcomes), len(ids), err)
	}
	return outcomes
}

// Settled waits for the outcomes of job-0, job-1 and so on.
func (s *System) Settled(t *testing.T, jobs int, within time.Duration) []tasks.Outcome {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	defer func() { _ = queue.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ids := make([]string, jobs)
	for i := range ids {
		ids[i] = fmt.Sprint("job-", i)
	}
	var outcomes []tasks.Outcome
	if err := queue.WaitAll(
		ctx,
		ids,
		func(o tasks.Outcome) { outcomes = append(outcomes, o) },
	); err != nil {
		t.Fatalf("%d of %d settled: %v", len(outcomes), jobs, err)
	}
	return outcomes
}

// ReadOutcomes reads what a command printed with --json.
func ReadOutcomes(t *testing.T, out string) []tasks.Outcome {
	t.Helper()
	var outcomes []tasks.Outcome
	for line := range Lines(out) {
		var o tasks.Outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("an outcome is not JSON: %v: %s", err, line)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}
