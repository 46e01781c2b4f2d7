package dashboard

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// queues answers for all queues, one by one: asynqmon answers for none when one cannot be read.
type queues struct{ asynq *asynq.Inspector }

const historyDays = 90 // as asynqmon's

// queueNow is a queue in asynqmon's words.
type queueNow struct {
	Queue           string    `json:"queue"`
	MemoryUsage     int64     `json:"memory_usage_bytes"`
	Size            int       `json:"size"`
	Groups          int       `json:"groups"`
	LatencyMillisec int64     `json:"latency_msec"`
	DisplayLatency  string    `json:"display_latency"`
	Active          int       `json:"active"`
	Pending         int       `json:"pending"`
	Aggregating     int       `json:"aggregating"`
	Scheduled       int       `json:"scheduled"`
	Retry           int       `json:"retry"`
	Archived        int       `json:"archived"`
	Completed       int       `json:"completed"`
	Processed       int       `json:"processed"`
	Succeeded       int       `json:"succeeded"`
	Failed          int       `json:"failed"`
	Paused          bool      `json:"paused"`
	Timestamp       time.Time `json:"timestamp"`
}

// queueDay is a queue's day in asynqmon's words.
type queueDay struct {
	Queue     string `json:"queue"`
	Processed int    `json:"processed"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	Date      string `json:"date"`
}

// list answers GET /api/queues. A queue that cannot be read says so where its latency would be.
func (q queues) list(w http.ResponseWriter) {
	names, err := q.asynq.Queues()
	if err != nil {
		unavailable(w, err)
		return
	}
	shown := make([]queueNow, 0, len(names))
	for _, name := range names {
		info, err := q.asynq.GetQueueInfo(name)
		if err != nil {
			shown = append(
				shown,
				queueNow{
					Queue:          name,
					DisplayLatency: "cannot be read: " + dypls.Scrub(err.Error()),
					Timestamp:      time.Now(),
				},
			)
			continue
		}
		shown = append(shown, now(info))
	}
	writeJSON(w, map[string]any{"queues": shown})
}

func now(info *asynq.QueueInfo) queueNow {
	const readable = 10 * time.Millisecond
	return queueNow{
		Queue:           info.Queue,
		MemoryUsage:     info.MemoryUsage,
		Size:            info.Size,
		Groups:          info.Groups,
		LatencyMillisec: info.Latency.Milliseconds(),
		DisplayLatency:  info.Latency.Round(readable).String(),
		Active:          info.Active,
		Pending:         info.Pending,
		Aggregating:     info.Aggregating,
		Scheduled:       info.Scheduled,
		Retry:           info.Retry,
		Archived:        info.Archived,
		Completed:       info.Completed,
		Processed:       info.Processed,
		Succeeded:       info.Processed - info.Failed,
		Failed:          info.Failed,
		Paused:          info.Paused,
		Timestamp:       info.Timestamp,
	}
}

// history answers GET /api/queue_stats. A queue that cannot be read has none.
func (q queues) history(w http.ResponseWriter) {
	names, err := q.asynq.Queues()
	if err != nil {
		unavailable(w, err)
		return
	}
	stats := make(map[string][]queueDay, len(names))
	for _, name := range names {
		days, err := q.asynq.History(name, historyDays)
		if err != nil {
			days = nil
		}
		stats[name] = make([]queueDay, 0, len(days))
		for _, d := range days {
			stats[name] = append(stats[name], queueDay{
				Queue:     d.Queue,
				Processed: d.Processed,
				Succeeded: d.Processed - d.Failed,
				Failed:    d.Failed,
				Date:      d.Date.Format(time.DateOnly),
			})
		}
	}
	writeJSON(w, map[string]any{"stats": stats})
}

func unavailable(w http.ResponseWriter, err error) {
	http.Error(w, "Redis cannot be read: "+dypls.Scrub(err.Error()), http.StatusServiceUnavailable)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	//nolint:errchkjson // who no longer reads it does not matter, and our own types can be encoded
	_ = json.NewEncoder(w).Encode(value)
}
