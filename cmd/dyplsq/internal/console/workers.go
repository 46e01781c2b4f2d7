package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// workerView is a worker, and what it performs.
type workerView struct {
	Name       string // host:pid
	Since      time.Time
	Draining   bool
	Settings   map[string]string
	Performing []performing
	More       int // that are performed, and not shown
}

// performing is a task that a worker performs.
type performing struct {
	ID, Action, Queue string
	Since             time.Time
}

const (
	mostWorkers    = 100
	mostPerforming = 20 // of one worker
)

// workers are those that run: what they tell of themselves, and what asynq's Servers of the same
// process do. A worker has a Server for each queue.
func (c *Console) workers(ctx context.Context) ([]workerView, error) {
	known, err := presence.Workers(ctx, c.Redis)
	if err != nil {
		return nil, err
	}
	servers, err := asynq.NewInspectorFromRedisClient(c.Redis).Servers()
	if err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	views := map[string]*workerView{}
	for _, w := range known {
		views[w.Name] = &workerView{Name: w.Name, Settings: w.Settings}
	}
	for _, s := range servers {
		name := fmt.Sprintf("%s:%d", s.Host, s.PID)
		v, known := views[name]
		if !known {
			v = &workerView{Name: name}
			views[name] = v
		}
		v.add(s)
	}
	all := make([]workerView, 0, len(views))
	for _, v := range views {
		slices.SortFunc(v.Performing, func(a, b performing) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
		})
		if v.More = len(v.Performing) - mostPerforming; v.More > 0 {
			v.Performing = v.Performing[:mostPerforming]
		}
		all = append(all, *v)
	}
	slices.SortFunc(all, func(a, b workerView) int { return cmp.Compare(a.Name, b.Name) })
	return all[:min(len(all), mostWorkers)], nil
}

// add takes in one of the worker's Servers.
func (v *workerView) add(s *asynq.ServerInfo) {
	if v.Since.IsZero() || s.Started.Before(v.Since) {
		v.Since = s.Started
	}
	v.Draining = v.Draining || s.Status != "active"
	for _, w := range s.ActiveWorkers {
		action, ours := strings.CutPrefix(w.TaskType, asynqwire.TypePrefix)
		if ours {
			v.Performing = append(
				v.Performing, performing{asynqwire.IDOfDelivery(w.TaskID), action, w.Queue, w.Started},
			)
		}
	}
}
