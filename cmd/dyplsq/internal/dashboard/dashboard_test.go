package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
)

// TestOtherPeoplesTasks: what other programs keep in the same Redis shows no number either.
func TestOtherPeoplesTasks(t *testing.T) {
	t.Parallel()
	const number, link = "13912345678", "https://oss.example.com/r.mp3?Signature=s3cr3t"
	o := open(t, Config{})
	for _, list := range []asynq.Option{asynq.Queue("sms"), asynq.ProcessIn(time.Hour), asynq.Group("to-" + number)} {
		o.enqueue(t, "sms:"+number, `{"to":"`+number+`"}`, asynq.Queue("sms"), list)
	}
	o.enqueue(t, "sms:send", `{"to":"`+number+`"}`, asynq.Queue("sms"), asynq.TaskID(number+".1"))
	o.enqueue(t, "sms:send", `{"v":1,"id":"`+number+`"}`, asynq.Queue("sms"), asynq.TaskID("own-look"))
	failing := asynq.NewServerFromRedisClient(o.redis, asynq.Config{
		Queues: map[string]int{"fails": 1, "works": 1}, Concurrency: 1, LogLevel: asynq.FatalLevel, TaskCheckInterval: 50 * time.Millisecond, ShutdownTimeout: time.Millisecond,
	})
	started := make(chan struct{}, 1)
	if err := failing.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		switch task.Type() {
		case "fails":
			return errors.New("no answer from " + number + ", see " + link)
		case "runs":
			started <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		_, err := task.ResultWriter().Write([]byte(number + " " + link))
		return err
	})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(failing.Shutdown)
	o.enqueue(t, "fails", number, asynq.Queue("fails"), asynq.MaxRetry(0), asynq.TaskID("dead"))
	o.enqueue(t, "fails", number, asynq.Queue("fails"), asynq.MaxRetry(3))
	o.enqueue(t, "works", number, asynq.Queue("works"), asynq.Retention(time.Hour), asynq.TaskID("done"))
	scheduler := asynq.NewSchedulerFromRedisClient(o.redis, &asynq.SchedulerOpts{LogLevel: asynq.FatalLevel, HeartbeatInterval: 100 * time.Millisecond})
	if _, err := scheduler.Register("@every 1h", asynq.NewTask("tick", []byte(number)), asynq.TaskID("t"+number), asynq.Queue("sms")); err != nil {
		t.Fatal(err)
	}
	if err := scheduler.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(scheduler.Shutdown)
	o.becomes(t, "/api/queues/fails/retry_tasks", "no answer from")
	o.becomes(t, "/api/queues/works/completed_tasks", `"done"`)
	o.becomes(t, "/api/scheduler_entries", "@every 1h")
	o.enqueue(t, "runs", number, asynq.Queue("works"), asynq.TaskID("running-"+number), asynq.Timeout(time.Hour))
	<-started
	o.becomes(t, "/api/servers", `"runs"`)

	paths := []string{
		"/api/queues/sms/groups/to-" + number + "/aggregating_tasks", "/api/queues/sms/tasks/" + number + ".1", "/api/queues/sms/tasks/own-look",
		"/api/queues/fails/tasks/dead", "/api/queues/works/tasks/done", "/api/queues/works/tasks/running-" + number,
	}
	for _, queue := range []string{"sms", "fails", "works"} {
		paths = append(paths, everyAnswer(queue)...)
	}
	for _, path := range paths {
		status, text := o.get(t, path)
		if status != http.StatusOK || !json.Valid([]byte(text)) {
			t.Errorf("%s: %d %s", path, status, text)
		}
		for _, secret := range []string{number, "s3cr3t"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s:\n%s", path, secret, text)
			}
		}
	}
	if _, text := o.get(t, "/api/queues/fails/tasks/dead"); !strings.Contains(text, "no answer from 139****5678") {
		t.Errorf("the error of another program's task is not shown: %s", text)
	}
}

// TestBrokenQueue: an id whose task is gone, or a key that is not what it should be, blanks neither
// the queue nor the others.
func TestBrokenQueue(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	for _, queue := range []string{"whole", "orphaned", "torn"} {
		o.enqueue(t, "x", "{}", asynq.Queue(queue), asynq.TaskID("one"))
		o.enqueue(t, "x", "{}", asynq.Queue(queue), asynq.TaskID("two"))
	}
	ctx := t.Context()
	for _, err := range []error{
		o.redis.Del(ctx, "asynq:{orphaned}:t:one").Err(), o.redis.LPush(ctx, "asynq:{orphaned}:active", "gone").Err(),
		o.redis.ZAdd(ctx, "asynq:{orphaned}:archived", redis.Z{Score: 1, Member: "gone too"}).Err(),
		o.redis.Set(ctx, "asynq:{torn}:retry", "a text", 0).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.look.GetQueueInfo("orphaned"); err == nil {
		t.Error("asynq can read it: this test shows nothing")
	}
	status, text := o.get(t, "/api/queues")
	var answer struct{ Queues []queueNow }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || len(answer.Queues) != 3 {
		t.Fatalf("%d %v %s", status, err, text)
	}
	for _, q := range answer.Queues {
		switch {
		case q.Queue == "whole" && q.Size == 2 && q.MemoryUsage > 0:
		case q.Queue == "orphaned" && q.Pending == 2 && q.Active == 1 && q.Archived == 1:
		case q.Queue == "torn" && strings.HasPrefix(q.DisplayLatency, "cannot be read: "):
		default:
			t.Errorf("%+v", q)
		}
	}
	for _, path := range append(everyAnswer("orphaned"), everyAnswer("whole")...) {
		if status, text := o.get(t, path); status != http.StatusOK || !json.Valid([]byte(text)) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _ := o.get(t, "/api/queues/torn/retry_tasks"); status != http.StatusInternalServerError {
		t.Errorf("what cannot be read at all: %d", status)
	}
}

// TestSameShape: what is answered in asynqmon's place has exactly its fields.
func TestSameShape(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	o.enqueue(t, "x", "{}", asynq.Queue("q"), asynq.TaskID("one"))
	mon := asynqmon.New(asynqmon.Options{RedisConnOpt: connection{o.config.Redis}})
	t.Cleanup(func() { _ = mon.Close() })
	for _, path := range []string{"/api/queues", "/api/queue_stats", "/api/queues/q/tasks/one"} {
		recorder := httptest.NewRecorder()
		mon.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		_, text := o.get(t, path)
		if ours, theirs := shape(t, text), shape(t, recorder.Body.String()); ours != theirs {
			t.Errorf("%s:\n%s\nasynqmon:\n%s", path, ours, theirs)
		}
	}
}

// TestNotFound: what is not there is said, whatever asynqmon says.
func TestNotFound(t *testing.T) {
	t.Parallel()
	o := open(t, Config{AllowActions: true})
	o.enqueue(t, "x", "{}", asynq.Queue("q"), asynq.TaskID("a/b"))
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/api/queues/q/tasks/none", 404}, {http.MethodGet, "/api/queues/none/tasks/one", 404},
		{http.MethodGet, "/api/queues/q/tasks/a%2Fb", 200}, {http.MethodGet, "/api/queues/q/tasks/a/b", 200},
		{http.MethodPost, "/api/queues/q/active_tasks/a%2Fb:cancel", 204}, {http.MethodPost, "/api/queues/q/active_tasks/a/b:cancel", 204},
		{http.MethodPost, "/api/queues/q/pending_tasks/a%2Fb:archive", 204}, {http.MethodDelete, "/api/queues/q/archived_tasks/a/b", 204},
		{http.MethodDelete, "/api/queues/q/archived_tasks/a/b", 404}, {http.MethodPost, "/api/servers", 404},
		{http.MethodPost, "/api/queues/q/other_tasks:run", 404}, {http.MethodDelete, "/api/queues/q/active_tasks/a/b", 404},
		{http.MethodPost, "/queues/q", 405}, {http.MethodGet, "/nothing", 404}, {http.MethodGet, "/fonts/none", 404}, {http.MethodGet, "/fonts", 404},
	} {
		if status, text := o.do(t, test.method, test.path); status != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.path, status, text, test.status)
		}
	}
}

// TestPatches: the pages that asynqmon brings are those that were looked at.
func TestPatches(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	_, index := o.get(t, "/")
	for _, text := range []string{"googleapis", nonceMark, "<script>"} {
		if strings.Contains(index, text) {
			t.Errorf("the page still holds %q", text)
		}
	}
	_, script := o.get(t, "/static/js/main.5adda2da.chunk.js")
	const calls, links = 16, 1
	if n := strings.Count(script, `.replace(/\//g,"%2F")`); n != calls+links {
		t.Errorf("%d places where an id becomes part of an address, want %d", n, calls+links)
	}
}

// TestCharts: a Prometheus is asked about queues, and nothing else.
func TestCharts(t *testing.T) {
	t.Parallel()
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"success"}`) }))
	t.Cleanup(prometheus.Close)
	o := open(t, Config{Prometheus: prometheus.URL})
	for path, want := range map[string]int{
		"/api/metrics": 200, "/api/metrics?duration=3600&queues=bind,unbind": 200, "/api/metrics?queues=" + url.QueryEscape(`bind"} or secrets{a="`): 404,
	} {
		if status, text := o.get(t, path); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
