package handrolled

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	typeReceipts = "receipts"
	// CallPrefix begins the key of a call, which its id ends.
	CallPrefix  = "call:"
	keepCall    = 30 * 24 * time.Hour
	mostReceipt = 1 << 20
)

// Receive takes in the platform's pushes as most would: a handler enqueues each as it came, and a
// task writes what it says into the hash of its call. Every setting is asynq's own.
func Receive(listen, redisAddr string, concurrency int) error {
	where := asynq.RedisClientOpt{Addr: redisAddr}
	client := asynq.NewClient(where)
	calls := redis.NewClient(&redis.Options{Addr: redisAddr})
	mux := asynq.NewServeMux()
	mux.HandleFunc(typeReceipts, func(ctx context.Context, task *asynq.Task) error {
		return merge(ctx, calls, task.Payload())
	})
	server := asynq.NewServer(
		where, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel},
	)
	if err := server.Start(mux); err != nil {
		return err
	}
	return http.ListenAndServe(listen, enqueueing(client, typeReceipts)) //nolint:gosec // as most do
}

// enqueueing is a handler that makes a task of each push.
func enqueueing(client *asynq.Client, kind string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostReceipt))
		if err == nil {
			_, err = client.EnqueueContext(r.Context(), asynq.NewTask(kind, body))
		}
		if err != nil {
			http.Error(w, "not stored", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"code":0,"msg":"OK"}`)
	})
}

func merge(ctx context.Context, client *redis.Client, body []byte) error {
	var receipts []map[string]any
	if err := json.Unmarshal(body, &receipts); err != nil {
		return fmt.Errorf("decode receipts: %w: %w", err, asynq.SkipRetry)
	}
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, receipt := range receipts {
			id, _ := receipt["call_id"].(string)
			p.HSet(ctx, CallPrefix+id, receipt)
			p.Expire(ctx, CallPrefix+id, keepCall)
		}
		return nil
	})
	return err
}
