package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// opened is a dashboard of a real Redis.
type opened struct {
	config Config
	redis  *redis.Client
	asynq  *asynq.Client
	look   *asynq.Inspector
	server *httptest.Server
}

func open(t *testing.T, config Config) *opened {
	t.Helper()
	server := redistest.Start(t)
	config.Redis = server.Client(t)
	o := &opened{config: config, redis: server.Client(t)}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	o.server = httptest.NewServer(d)
	t.Cleanup(o.server.Close)
	o.asynq, o.look = asynq.NewClientFromRedisClient(o.redis), asynq.NewInspectorFromRedisClient(o.redis)
	return o
}

func (o *opened) enqueue(t *testing.T, kind, payload string, options ...asynq.Option) {
	t.Helper()
	if _, err := o.asynq.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte(payload)), options...); err != nil {
		t.Fatal(err)
	}
}

func (o *opened) get(t *testing.T, path string) (status int, text string) {
	t.Helper()
	return o.do(t, http.MethodGet, path)
}

func (o *opened) do(t *testing.T, method, path string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, o.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.send(t, request)
}

func (o *opened) send(t *testing.T, request *http.Request) (status int, text string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// becomes waits for an answer to hold a text.
func (o *opened) becomes(t *testing.T, path, text string) {
	t.Helper()
	redistest.Poll(t, time.Minute, path+" to show "+text, func(context.Context) error {
		if _, answer := o.get(t, path); !strings.Contains(answer, text) { //nolint:contextcheck // a request has the context of the test
			return errors.New(answer)
		}
		return nil
	})
}

// shape tells what fields JSON has, and of what kind.
func shape(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return shapeOf(value)
}

func shapeOf(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, name+": "+shapeOf(v[name]))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return fmt.Sprintf("[%d of %s]", len(v), shapeOf(v[0]))
	}
	return fmt.Sprintf("%T", value)
}

// everyAnswer are the addresses that asynqmon's pages read, for one queue.
func everyAnswer(queue string) []string {
	paths := []string{"/api/queues", "/api/queue_stats", "/api/servers", "/api/scheduler_entries", "/api/redis_info", "/api/queues/" + queue, "/api/queues/" + queue + "/groups"}
	for _, list := range []string{"active", "pending", "scheduled", "retry", "archived", "completed"} {
		paths = append(paths, "/api/queues/"+queue+"/"+list+"_tasks")
	}
	return paths
}
