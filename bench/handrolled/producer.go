package handrolled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

// Queue is where binds wait.
const Queue = "default"

const (
	maxRetry  = 6 // unless the producer says otherwise
	retention = 24 * time.Hour
)

// Errors of [Producer.Result]. Any other means that it could not be looked up just now.
var (
	ErrPending = errors.New("not finished yet")
	ErrFailed  = errors.New("given up")
	ErrUnknown = errors.New("no such task")
)

// Producer enqueues binds and looks up what came of them.
type Producer struct {
	MaxRetry int // retries of what it enqueues

	client    *asynq.Client
	inspector *asynq.Inspector
}

// NewProducer returns a producer, to be closed.
func NewProducer(redisAddr string) *Producer {
	opt := asynq.RedisClientOpt{Addr: redisAddr}
	return &Producer{maxRetry, asynq.NewClient(opt), asynq.NewInspector(opt)}
}

// Close closes its connections.
func (p *Producer) Close() error { return errors.Join(p.client.Close(), p.inspector.Close()) }

// Enqueue adds a bind under the caller's id. One that is there already is no error, so that a
// caller who did not hear the answer may ask again.
func (p *Producer) Enqueue(ctx context.Context, id string, req BindRequest) error {
	payload, err := json.Marshal(req)
	if err != nil {
		return err
	}
	_, err = p.client.EnqueueContext(ctx, asynq.NewTask(typeBindAXN, payload),
		asynq.TaskID(id), asynq.MaxRetry(p.MaxRetry), asynq.Retention(retention), asynq.Queue(Queue))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return err
}

// Result looks up what came of a bind.
func (p *Producer) Result(id string) (Binding, error) {
	info, err := p.inspector.GetTaskInfo(Queue, id)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return Binding{}, ErrUnknown
	case err != nil:
		return Binding{}, err
	case info.State == asynq.TaskStateArchived:
		return Binding{}, fmt.Errorf("%w: %s", ErrFailed, info.LastErr)
	case info.State != asynq.TaskStateCompleted:
		return Binding{}, ErrPending
	}
	var binding Binding
	if err := json.Unmarshal(info.Result, &binding); err != nil {
		return Binding{}, fmt.Errorf("decode the result: %w", err)
	}
	return binding, nil
}
