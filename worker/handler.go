package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// leftForNewer is when a task that this version cannot perform is offered again.
const leftForNewer = 30 * time.Second

// ProcessTask implements [asynq.Handler]. It finds the kind by the exact type: asynq's own mux
// matches prefixes, and BindAxn is one of BindAxnExtension.
func (w *Worker) ProcessTask(ctx context.Context, task *asynq.Task) error {
	w.running.Add(1)
	defer w.running.Done()
	taskID, _ := asynq.GetTaskID(ctx)
	k, known := w.kinds[task.Type()]
	if !known {
		w.log.Warn().Str("id", asynqwire.IDOfDelivery(taskID)).Str("type", dypls.Scrub(task.Type())).
			Msg("unknown task type; left for a newer worker")
		return later(leftForNewer, "unknown task type; left for a newer worker")
	}
	payload, err := asynqwire.DecodePayload(task.Payload())
	switch {
	case errors.Is(err, asynqwire.ErrNewerPayload):
		w.log.Warn().
			Str("id", asynqwire.IDOfDelivery(taskID)).
			Str("action", k.action).
			Err(err).
			Msg("newer payload version; left for a newer worker")
		return later(leftForNewer, "newer payload: left for a newer worker")
	case err != nil:
		return w.reject(
			ctx,
			asynqwire.IDOfDelivery(taskID),
			strings.TrimPrefix(task.Type(), asynqwire.TypePrefix),
			err,
		)
	}
	queue, _ := asynq.GetQueueName(ctx)
	baseQueue, _ := dispatch.QueueOf(queue)
	d := &delivery{
		worker:      w,
		kind:        k,
		account:     w.accounts.find(payload.Account),
		accountName: payload.Account,
		id:          payload.ID,
		run:         uuid.NewString(),
		queue:       queue,
		baseQueue:   baseQueue,
		taskID:      taskID,
	}
	if w.tracer.On() {
		d.arrived = time.Now()
	}
	return d.perform(ctx)
}

// reject records a delivery that cannot be read as a failure, under the id that asynq's TaskID
// tells.
func (w *Worker) reject(ctx context.Context, id, action string, reason error) error {
	w.log.Error().
		Str("id", id).
		Str("action", action).
		Str("code", dypls.CodeInvalidPayload).
		Err(reason).
		Msg("delivery unreadable; task failed")
	if id != "" {
		err := w.records.Reject(ctx, record.Rejection{
			ID:      id,
			Action:  action,
			Code:    dypls.CodeInvalidPayload,
			Message: reason.Error(),
			Keep:    w.agreed.Keep(),
		})
		if err != nil {
			return later(redisAway, "redis is out of reach")
		}
		w.syncInventory(ctx, id)
		w.config.Trace.taskDone(TaskEnd{TaskID: id, Action: action, State: tasks.StateFailed})
	}
	return archive(dypls.CodeInvalidPayload, dypls.Rejected)
}
