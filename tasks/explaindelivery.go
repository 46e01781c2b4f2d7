package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// Delivery is how the latest delivery of a task stands in asynq.
type Delivery struct {
	ID    string `json:"id"` // asynq's
	Queue string `json:"queue"`
	// State is asynq's: pending | active | scheduled | retry | archived | completed; or gone: there is
	// none; or unreadable.
	State   string    `json:"state"`
	At      time.Time `json:"at,omitzero"` // when it is due, with scheduled and retry
	Paused  bool      `json:"paused"`      // nobody fetches from its queue
	Servers int       `json:"servers"`     // that fetch from its queue, of all workers
}

// The states of a delivery beside asynq's own.
const (
	deliveryGone       = "gone"
	deliveryUnreadable = "unreadable"
)

func (q *Queue) delivery(ctx context.Context, queue, id string, number int64) (Delivery, error) {
	d := Delivery{ID: asynqwire.DeliveryID(id, number), Queue: queue, State: deliveryGone}
	paused, err := q.redis.Exists(ctx, asynqwire.Queue(queue).Key(asynqwire.Paused)).Result()
	if err != nil {
		return d, err
	}
	d.Paused = paused == 1
	servers, err := q.inspector.Servers()
	if err != nil {
		return d, err
	}
	for _, s := range servers {
		if _, serves := s.Queues[queue]; serves {
			d.Servers++
		}
	}
	info, err := q.inspector.GetTaskInfo(queue, d.ID)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return d, nil
	case err != nil && q.Ping(ctx) == nil: // it answers: what asynq holds cannot be decoded
		d.State = deliveryUnreadable
		return d, nil
	case err != nil:
		return d, err
	case info.Type == "": // its hash has no message
		d.State = deliveryUnreadable
		return d, nil
	}
	d.State = info.State.String()
	if slices.Contains([]asynq.TaskState{asynq.TaskStateScheduled, asynq.TaskStateRetry}, info.State) {
		d.At = info.NextProcessAt.UTC()
	}
	return d, nil
}
