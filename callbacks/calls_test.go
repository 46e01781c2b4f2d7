package callbacks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// receives takes in receipts until the test ends, and returns where they are pushed to.
func (w *world) receives() (url string) {
	w.t.Helper()
	const secret = "a-secret-of-the-test-0123"
	handler, err := w.calls.Handler(calls.HandlerConfig{Secrets: []string{secret}, Deadline: within})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.calls.Run(ctx)
	}()
	w.t.Cleanup(func() {
		stop()
		<-ended
	})
	return server.URL + "/receipts/" + secret + "/"
}

func (w *world) push(url, kind, body string) {
	w.t.Helper()
	answer, err := http.Post(url+kind, "application/json", strings.NewReader("["+body+"]"))
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
}

// keep plays a keeper that has put the recording of a call into its store.
func (w *world) keep() {
	w.t.Helper()
	redistest.Poll(w.t, within, "a recording to be due", func(ctx context.Context) error {
		due, err := w.calls.TakeRecordings(ctx, 1, time.Minute)
		if err != nil || len(due.CallIDs) == 0 {
			return errors.Join(err, errors.New("none is"))
		}
		claim, err := w.calls.ClaimRecording(ctx, due, due.CallIDs[0], time.Minute)
		if err != nil || claim == nil {
			return errors.Join(err, errors.New("somebody else has it"))
		}
		return claim.Kept(ctx, calls.Recording{Location: "file:///archive/c1.mp3", Bytes: 5, SHA256: "aa", Parts: 1})
	})
}

// TestTellsOfCalls: the end of each, and its recording, once each, however often the call changes.
func TestTellsOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	thin, full := newReceiver(t, nil), newReceiver(t, nil)
	s := w.sender([]Endpoint{
		thin.endpoint("thin"), full.endpoint("full", func(e *Endpoint) { e.Full, e.Events = true, []EventType{CallEnded} }),
	})
	w.run(s)
	url := w.receives()
	common := fmt.Sprintf(`"pool_key":"FC1","sub_id":1,"out_id":"order-1","call_id":"c1","phone_no":%q,"secret_no":%q,"peer_no":"15912345678","call_type":0,"call_time":"2026-11-28 20:11:29"`, string(numberA), string(numberX))
	w.push(url, "SecretStartReport", "{"+common+"}")
	w.push(url, "SecretReport", "{"+common+`,"start_time":"2026-11-28 20:11:40","release_time":"2026-11-28 20:12:55","release_cause":16,"unconnected_cause":0,"record_url":"https://records.example.com/1.mp3?Signature=hush"}`)
	ended := thin.waits(1)[0]
	w.push(url, "SecretRecording", `{"subs_id":"1","call_id":"c1","call_time":1795867889000}`)
	w.keep()
	kept := thin.waits(2)[1]
	w.push(url, "SecretAsrReport", `{"callId":"c1","statusCode":"21050000"}`) // the call changes again
	w.finish("order-2")
	w.status(s, "thin", func(s Status) bool { return s.Delivered == 3 && s.Waiting() == 0 })

	if ended.event.Type != CallEnded || kept.event.Type != RecordingKept || ended.event.Timestamp != "2026-11-28T12:12:55.000Z" {
		t.Errorf("told of %s, then of %s", ended.body, kept.body)
	}
	if d := ended.event.Data; d["call_id"] != "c1" || d["task_id"] != "order-1" || d["duration_s"] != 75.0 || d["answered"] != true || d["released_at"] != ended.event.Timestamp {
		t.Errorf("the end of a call: %v", d)
	}
	if r, _ := kept.event.Data["recording"].(map[string]any); r["location"] != "file:///archive/c1.mp3" || r["state"] != "kept" || r["bytes"] != 5.0 {
		t.Errorf("a recording: %v", kept.event.Data)
	}
	for _, c := range append(thin.got(), full.waits(1)...) {
		for _, hidden := range []string{"12345671", "12345673", "12345678", "hush"} {
			if strings.Contains(c.body, hidden) {
				t.Errorf("%s shows %s", c.body, hidden)
			}
		}
	}
	if call, _ := full.got()[0].event.Data["call"].(map[string]any); call["phone_no"] == nil || call["call_id"] != "c1" {
		t.Errorf("full: %s", full.got()[0].body)
	}
	if n, err := s.Replay(t.Context(), "full", time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)); err != nil || n != 1 {
		t.Errorf("%d are replayed, %v", n, err)
	}
	w.status(s, "full", func(s Status) bool { return s.Delivered == 2 })
}

// TestOnACluster: the keys of an endpoint are in one slot, those of another elsewhere.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts six servers")
	}
	cluster := redistest.StartCluster(t)
	w := newWorldOn(t, cluster.Client(t), tasks.RedisConfig{ClusterNodes: cluster.Nodes()})
	var endpoints []Endpoint
	var receivers []*receiver
	for _, name := range []string{"a", "b", "c", "d"} {
		r := newReceiver(t, func(w http.ResponseWriter, n int, _ told) {
			if n%3 == 0 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		receivers, endpoints = append(receivers, r), append(endpoints, r.endpoint(name))
	}
	s := w.sender(endpoints, func(c *Config) { c.scale = 1e-5 })
	w.run(s)
	const n = 20
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	for i, r := range receivers {
		r.waits(n)
		w.status(s, endpoints[i].Name, func(s Status) bool { return s.Delivered == n && s.Waiting() == 0 })
	}
}

// TestEndpointsThatAreGone leave nothing after a week.
func TestEndpointsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, stays := newReceiver(t, status(http.StatusInternalServerError)), newReceiver(t, nil)
	old := w.sender([]Endpoint{r.endpoint("gone"), stays.endpoint("stays")})
	stop := w.run(old)
	w.finish("order-1")
	w.status(old, "gone", func(s Status) bool { return s.Failing == 1 })
	stop()
	s := w.sender([]Endpoint{stays.endpoint("stays")}, func(c *Config) {
		c.now = func() time.Time { return time.Now().Add(keepUndelivered + time.Hour) }
	})
	stays.mu.Lock()
	stays.ahead = keepUndelivered + time.Hour
	stays.mu.Unlock()
	w.run(s)
	redistest.Poll(t, within, "all of it to be gone", func(ctx context.Context) error {
		keys, err := w.client.Keys(ctx, "dypls:*gone*").Result()
		for _, key := range keys {
			if !strings.Contains(key, ":delivery:") { // which ends by itself
				err = errors.Join(err, errors.New(key))
			}
		}
		if w.client.HExists(ctx, endpointsKey, "gone").Val() {
			err = errors.Join(err, errors.New("it is listed"))
		}
		return err
	})
}
