package handrolled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"
)

const typeBindAXN = "dypls:bind_axn"

// Concurrency is how many tasks a worker usually performs at once.
const Concurrency = 64

// Worker performs the tasks that a [Producer] enqueues.
type Worker struct {
	server *asynq.Server
	mux    *asynq.ServeMux
}

// NewWorker returns a worker. Besides its concurrency, every setting is asynq's own.
func NewWorker(redisAddr string, api *API, concurrency int) *Worker {
	mux := asynq.NewServeMux()
	mux.Handle(typeBindAXN, &bindHandler{api})
	return &Worker{
		asynq.NewServer(asynq.RedisClientOpt{Addr: redisAddr}, asynq.Config{Concurrency: concurrency}),
		mux,
	}
}

// Run performs tasks until SIGTERM or SIGINT.
func (w *Worker) Run() error { return w.server.Run(w.mux) }

type bindHandler struct{ api *API }

// ProcessTask makes the call. asynq retries what returns an error.
func (h *bindHandler) ProcessTask(_ context.Context, task *asynq.Task) error {
	var req BindRequest
	if err := json.Unmarshal(task.Payload(), &req); err != nil {
		return fmt.Errorf("decode the payload: %w: %w", err, asynq.SkipRetry)
	}
	req.OutID = task.ResultWriter().TaskID()
	binding, err := h.api.BindAXN(req)
	if e, answered := errors.AsType[*APIError](err); answered && e.Code == "isv.BIND_CONFLICT" {
		// the number is taken: the next attempt would be told the same
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
	}
	if err != nil {
		return err
	}
	result, err := json.Marshal(binding)
	if err != nil {
		return err
	}
	if _, err := task.ResultWriter().Write(result); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
