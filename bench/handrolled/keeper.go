package handrolled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hibiken/asynq"
)

const typeRecording = "recording"

// announced is what a SecretRecording says.
type announced struct {
	PoolKey  string `json:"pool_key"`
	CallID   string `json:"call_id"`
	CallTime int64  `json:"call_time"` // ms
}

// beijing is the time zone of the API.
var beijing = time.FixedZone("CST", 8*60*60)

// KeepRecordings takes in SecretRecordings as most would: a handler enqueues each, and a task asks
// for the link and copies what it leads to into a file, as curl does. Every setting is asynq's own.
func KeepRecordings(listen, redisAddr string, api *API, dir string, concurrency int) error {
	where := asynq.RedisClientOpt{Addr: redisAddr}
	client := asynq.NewClient(where)
	mux := asynq.NewServeMux()
	mux.HandleFunc(typeRecording, func(ctx context.Context, task *asynq.Task) error {
		return keepRecording(ctx, api, dir, task.Payload())
	})
	server := asynq.NewServer(
		where, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel},
	)
	if err := server.Start(mux); err != nil {
		return err
	}
	return http.ListenAndServe(listen, enqueueing(client, typeRecording)) //nolint:gosec // as most do
}

func keepRecording(ctx context.Context, api *API, dir string, body []byte) error {
	var recordings []announced
	if err := json.Unmarshal(body, &recordings); err != nil {
		return fmt.Errorf("decode receipts: %w: %w", err, asynq.SkipRetry)
	}
	for _, r := range recordings {
		link, err := api.RecordingLink(
			r.PoolKey, r.CallID, time.UnixMilli(r.CallTime).In(beijing).Format(time.DateTime),
		)
		if err == nil {
			err = download(ctx, link, filepath.Join(dir, r.CallID+".mp3"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func download(ctx context.Context, link, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("download: %s", answer.Status)
	}
	f, err := os.Create(file) //nolint:gosec // its name is a call's id
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}
