package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
)

const (
	archiveCap  = 9999 // asynq's
	archiveNear = 9000
)

// queues: what asynq's list of queues lacks, no dashboard shows, and what is paused nobody
// performs.
func (e *examination) queues(ctx context.Context) ([]Finding, error) {
	listed, err := e.Redis.SMembers(ctx, asynqwire.Queues).Result()
	if err != nil {
		return nil, err
	}
	infos, err := e.queue.Stats(ctx)
	if err != nil {
		return nil, err
	}
	var missing, paused, standing []string
	for _, q := range infos {
		if !slices.Contains(listed, q.Queue) {
			missing = append(missing, q.Queue)
		}
		if q.Paused {
			paused = append(paused, q.Queue)
		}
		standing = append(standing, fmt.Sprintf("%s %d", q.Queue, q.Pending+q.Active+q.Scheduled+q.Retry))
	}
	findings := []Finding{
		found("", "tasks that wait or are performed: %s", strings.Join(standing, ", ")),
	}
	if len(missing) > 0 {
		findings[0].Found += "; asynq's list of queues lacks " + strings.Join(
			missing,
			", ",
		) + ": dashboards do not show them"
		findings[0] = findings[0].but(Warning, "start a worker: it writes the list within half a minute")
	}
	if len(paused) > 0 {
		findings = append(findings, found("", "paused: %s; their tasks wait", strings.Join(paused, ", ")).
			but(Warning, "dyplsq resume "+strings.Join(paused, " ")))
	}
	return findings, nil
}

// workers are those that have given a sign of life lately.
func (e *examination) workers(ctx context.Context) ([]Finding, error) {
	servers, err := asynq.NewInspectorFromRedisClient(e.Redis).Servers()
	if err != nil {
		return nil, err
	}
	processes := map[string]bool{}
	unserved, err := e.needed(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		processes[fmt.Sprint(s.Host, s.PID)] = true
		unserved = slices.DeleteFunc(unserved, func(queue string) bool { return s.Queues[queue] > 0 })
	}
	f := found("", "%d processes", len(processes))
	if len(unserved) > 0 {
		f.Found += "; nobody serves " + strings.Join(
			unserved,
			", ",
		) + ": their tasks wait, and expire when their time is over"
		f = f.but(Warning, "start one: dyplsq worker")
	}
	return []Finding{f}, nil
}

// needed are the queues that somebody has to serve: all of them, and what shards hold tasks.
func (e *examination) needed(ctx context.Context) ([]string, error) {
	infos, err := e.queue.Stats(ctx)
	if err != nil {
		return nil, err
	}
	needed := dispatch.Queues()
	for _, q := range infos {
		if strings.HasPrefix(q.Queue, dispatch.CallbackPrefix) { // which dyplsq serve serves
			continue
		}
		if !slices.Contains(needed, q.Queue) && q.Pending+q.Active+q.Scheduled+q.Retry > 0 {
			needed = append(needed, q.Queue)
		}
	}
	return needed, nil
}

// archive: asynq forgets the oldest beyond its cap. A view of what failed is lost then, no outcome.
func (e *examination) archive(ctx context.Context) ([]Finding, error) {
	infos, err := e.queue.Stats(ctx)
	if err != nil {
		return nil, err
	}
	var near, all []string
	for _, q := range infos {
		all = append(all, fmt.Sprintf("%s %d", q.Queue, q.Archived))
		if q.Archived >= archiveNear {
			near = append(near, q.Queue)
		}
	}
	f := found(
		"",
		"failed and uncertain tasks that asynq shows: %s, of %d at most",
		strings.Join(all, ", "),
		archiveCap,
	)
	if len(near) > 0 {
		f.Found += "; the oldest of " + strings.Join(
			near,
			", ",
		) + " are forgotten there, not their outcomes"
		f = f.but(Warning, "delete archived tasks in the dashboard (dyplsq dash --allow-actions)")
	}
	return []Finding{f}, nil
}
