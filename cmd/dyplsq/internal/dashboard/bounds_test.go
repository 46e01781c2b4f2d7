package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func (o *opened) bindTasks(t *testing.T, n int) {
	t.Helper()
	queue := queuetest.On(t, o.redis)
	items := make([]tasks.Item[dypls.BindAXNRequest], n)
	for i := range items {
		items[i] = tasks.Item[dypls.BindAXNRequest]{
			Request: dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: "13800000001", Expiration: dypls.At(time.Now().Add(time.Hour))},
			Options: []tasks.Option{tasks.TaskID(fmt.Sprintf("order-%d", i))},
		}
	}
	if _, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, items); err != nil {
		t.Fatal(err)
	}
}

// TestLargePageIsRefused: a page is as large as asynqmon's own pages ask for, whatever list it is
// of.
func TestLargePageIsRefused(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	o.bindTasks(t, 150)
	before := redistest.Calls(t, o.redis, "evalsha")
	for _, list := range []string{"active", "pending", "scheduled", "retry", "archived", "completed"} {
		for _, size := range []string{"101", "60000", "9223372036854775807", "99999999999999999999", "0", "-1", "x", "10&size=60000"} {
			status, text := o.get(t, "/api/queues/bind/"+list+"_tasks?page=1&size="+size)
			if status != http.StatusBadRequest || !strings.Contains(text, "size must be a number from 1 to 100") {
				t.Errorf("%s, size %s: %d %.200s", list, size, status, text)
			}
		}
	}
	if n := redistest.Calls(t, o.redis, "evalsha") - before; n != 0 {
		t.Errorf("Redis was asked %d times for pages that are refused", n)
	}
	status, text := o.get(t, "/api/queues/bind/pending_tasks?page=2&size=100")
	if status != http.StatusOK || strings.Count(text, `\"PhoneNoA\":\"138****0001\"`) != 50 {
		t.Errorf("the second page: %d, with %d records\n%.500s", status, strings.Count(text, "PhoneNoA"), text)
	}
}

// roundTrips counts what a client asks of its server.
type roundTrips struct{ n atomic.Int64 }

func (*roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.n.Add(1)
		return next(ctx, cmd)
	}
}

func (r *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		r.n.Add(1)
		return next(ctx, cmds)
	}
}

// TestRecordsOfAPageAreReadTogether: a page of a hundred tasks costs as many round trips as one of
// ten, and none for a client that has gone.
func TestRecordsOfAPageAreReadTogether(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	o.bindTasks(t, 100)
	var trips roundTrips
	o.config.Redis.AddHook(&trips)
	page := func(size int) int64 {
		before := trips.n.Load()
		o.get(t, fmt.Sprint("/api/queues/bind/pending_tasks?size=", size))
		return trips.n.Load() - before
	}
	page(10) // scripts are loaded once
	if ten, hundred := page(10), page(100); hundred != ten {
		t.Errorf("10 tasks cost %d round trips, 100 cost %d", ten, hundred)
	}
	queue := queuetest.On(t, o.redis)
	gone, leave := context.WithCancel(t.Context())
	leave()
	before := redistest.Calls(t, o.redis, "hmget")
	if text := (records{queue}).texts(gone, []string{"order-1"})["order-1"]; !strings.Contains(text, "out of reach") {
		t.Errorf("without a client: %s", text)
	}
	if after := redistest.Calls(t, o.redis, "hmget"); after != before {
		t.Errorf("%d records were read for a client that has gone", after-before)
	}
}

// TestGoneAndForeignTasksKeepTheirPlace: a record that is gone says so, and what looks like our
// mark in another program's task is not taken for one.
func TestGoneAndForeignTasksKeepTheirPlace(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	o.enqueue(t, "dypls:BindAxn", `{"v":1,"id":"gone"}`, asynq.Queue("bind"), asynq.TaskID("gone.1"))
	o.enqueue(t, "other", recordMark+"gone", asynq.Queue("bind"), asynq.TaskID("foreign"))
	for path, want := range map[string][]string{
		"/api/queues/bind/pending_tasks": {`{\"id\":\"gone\",\"record\":\"no longer kept\"}`, `bytes, not shown`},
		"/api/queues/bind/tasks/gone.1":  {`no longer kept`},
		"/api/queues/bind/tasks/foreign": {`bytes, not shown`},
	} {
		_, text := o.get(t, path)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s does not say %s:\n%s", path, words, text)
			}
		}
	}
}

// TestManyRequestsWaitForAPlace: more requests than are answered at once wait, and end with their
// clients.
func TestManyRequestsWaitForAPlace(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	busy := &api{queues: queues{o.look}, places: make(chan struct{}, 1)}
	busy.places <- struct{}{}
	gone, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	busy.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/api/queues", http.NoBody))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("without a place: %d %s", w.Code, w.Body)
	}
	answered := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		busy.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/queues", http.NoBody))
		answered <- w.Code
	}()
	<-busy.places
	if status := <-answered; status != http.StatusOK || len(busy.places) != 0 {
		t.Errorf("with a place: %d, and %d places are kept", status, len(busy.places))
	}
}

// TestAnotherSitesPageCausesNoReads: a page of another site gets no read of the API done; a
// person's own navigation does.
func TestAnotherSitesPageCausesNoReads(t *testing.T) {
	t.Parallel()
	o := open(t, Config{})
	for name, test := range map[string]struct {
		headers map[string]string
		status  int
	}{
		"fetch":                     {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}, 403},
		"an image":                  {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403},
		"a frame":                   {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		"another port":              {map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403},
		"only the site":             {map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a link":                    {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		"the page itself":           {map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 200},
		"a typed address":           {map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		"curl, which is no browser": {nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.server.URL+"/api/queues", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for header, value := range test.headers {
				request.Header.Set(header, value)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.status {
				t.Errorf("%d, want %d", response.StatusCode, test.status)
			}
		})
	}
}
