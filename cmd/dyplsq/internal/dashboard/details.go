package dashboard

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// details answers for one task: asynqmon finds none whose id has a slash in it.
type details struct {
	asynq *asynq.Inspector
	shown records
}

// detail is a task in asynqmon's words.
type detail struct {
	ID            string `json:"id"`
	Queue         string `json:"queue"`
	Type          string `json:"type"`
	Payload       string `json:"payload"`
	State         string `json:"state"`
	MaxRetry      int    `json:"max_retry"`
	Retried       int    `json:"retried"`
	LastErr       string `json:"error_message"`
	LastFailedAt  string `json:"last_failed_at"`
	Timeout       int    `json:"timeout_seconds"`
	Deadline      string `json:"deadline"`
	NextProcessAt string `json:"next_process_at"`
	CompletedAt   string `json:"completed_at"`
	Result        string `json:"result"`
	TTL           int64  `json:"ttl_seconds"`
}

// show answers GET /api/queues/{queue}/tasks/{id}.
func (d details) show(w http.ResponseWriter, r *http.Request, queue, id string) {
	t, err := d.asynq.GetTaskInfo(queue, id)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		http.Error(
			w,
			"no such task: it has ended and is no longer kept, or has moved on",
			http.StatusNotFound,
		)
		return
	case err != nil:
		unavailable(w, err)
		return
	}
	payload := payloads{}.FormatPayload(t.Type, t.Payload)
	if of, ours := strings.CutPrefix(payload, recordMark); ours {
		payload = d.shown.texts(r.Context(), []string{of})[of]
	}
	var ttl int64
	if t.State == asynq.TaskStateCompleted {
		ttl = int64(time.Until(t.CompletedAt.Add(t.Retention)).Seconds())
	}
	writeJSON(w, detail{
		ID:            shownID(t.Type, t.ID),
		Queue:         t.Queue,
		Type:          shownText(t.Type),
		Payload:       payload,
		State:         t.State.String(),
		MaxRetry:      t.MaxRetry,
		Retried:       t.Retried,
		LastErr:       shownText(t.LastErr),
		LastFailedAt:  rfc3339(t.LastFailedAt),
		Timeout:       int(t.Timeout.Seconds()),
		Deadline:      rfc3339(t.Deadline),
		NextProcessAt: rfc3339(t.NextProcessAt),
		CompletedAt:   rfc3339(t.CompletedAt),
		TTL:           ttl,
	})
}

// rfc3339 is a time in asynqmon's words, "" when there is none.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
