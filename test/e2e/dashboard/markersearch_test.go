package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func (m *markedTest) searchCommands(t *testing.T) {
	t.Helper()
	m.command(t, anyStatus, "doctor", "--json")
	m.command(t, systemtest.StatusOK, "queues")
	for _, ids := range m.ids {
		m.command(t, systemtest.StatusOK, "explain", ids[0], "--json")
	}
	for _, fate := range []string{"fails", "uncertain", "recordings"} { // for people
		m.command(t, systemtest.StatusOK, "explain", m.ids[fate][0])
		m.command(t, anyStatus, "result", m.ids[fate][0])
	}
}

// searchDashboards asks ours and asynqmon as it comes for all that they can be asked for, while
// calls are out: the worker stands still in the meantime, so that they are out however long it
// takes.
func (m *markedTest) searchDashboards(t *testing.T, w *systemtest.Process, beating, frozen markedGroup) {
	t.Helper()
	stock := asynqmon.New(asynqmon.Options{RedisConnOpt: m.AsynqRedis()})
	server := httptest.NewServer(stock)
	t.Cleanup(func() { server.Close(); _ = stock.Close() })
	urls := []string{m.Dash(t), server.URL + "/"}
	m.enqueueGroup(t, beating)
	redistest.Poll(t, systemtest.StartWithin, "a server's heartbeat to tell of a call", systemtest.Until(func() bool {
		shown := 0
		for _, url := range urls {
			_, text := systemtest.Get(t, url+"api/servers")
			m.search(t, "the dashboard's servers", text)
			if strings.Contains(text, beating.fate+"-") {
				shown++
			}
		}
		return shown == len(urls)
	}))
	// The heartbeat may have shown calls that have ended since. These are only just out.
	m.enqueueGroup(t, frozen)
	client, active := m.Redis.Client(t), asynqwire.Queue("bind").Key(asynqwire.Active)
	retried := asynqwire.Queue("query").Key(asynqwire.Retry) // every quarter of a minute they are active
	redistest.Poll(t, systemtest.StartWithin, "a call to be out, and another to wait", systemtest.Until(func() bool {
		return strings.Contains(fmt.Sprint(client.LRange(t.Context(), active, 0, -1).Val()), frozen.fate+"-") &&
			client.ZCard(t.Context(), retried).Val() > 0
	}))
	w.Freeze(t)
	defer w.Thaw(t)
	paths := m.dashboardPaths(t)
	for _, url := range urls {
		states := map[string]bool{}
		for _, path := range paths {
			status, text := systemtest.Get(t, url+"api/"+path)
			// it may have ended by now
			if status != http.StatusOK && (status != http.StatusNotFound || !strings.Contains(path, "/tasks/")) {
				t.Errorf("%s: %d %s", path, status, text)
			}
			m.search(t, "the dashboard's "+path, text)
			var task struct{ State string }
			if strings.Contains(path, "/tasks/") && json.Unmarshal([]byte(text), &task) == nil {
				states[task.State] = true
			}
		}
		for _, state := range []string{"active", "pending", "scheduled", "retry", "archived"} {
			if !states[state] {
				t.Errorf("%s showed no task that is %s", url, state)
			}
		}
	}
}

// dashboardPaths are all that a dashboard can be asked for.
func (m *markedTest) dashboardPaths(t *testing.T) []string {
	t.Helper()
	var details []string
	paths := []string{"queues", "queue_stats", "servers", "scheduler_entries", "redis_info"}
	for _, queue := range dispatch.Queues() {
		paths = append(paths, "queues/"+queue, "queues/"+queue+"/groups")
		for _, list := range []string{"active", "pending", "scheduled", "retry", "archived", "completed"} {
			for page := range 10 {
				paths = append(paths, fmt.Sprintf("queues/%s/%s_tasks?page=%d&size=100", queue, list, page+1))
			}
		}
		for _, key := range m.Redis.Client(t).Keys(t.Context(), "asynq:{"+queue+"}:t:*").Val() {
			_, id, _ := strings.Cut(key, ":t:")
			details = append(details, "queues/"+queue+"/tasks/"+id)
		}
	}
	return append(details, paths...)
}

// searchKeys looks at every key but the records, names and values.
func (m *markedTest) searchKeys(t *testing.T) {
	t.Helper()
	client := m.Redis.Client(t)
	ofTask := map[string]bool{}
	for _, ids := range m.ids {
		for _, id := range ids {
			ofTask[record.Key(id)] = true
		}
	}
	var asynqs, told int
	keys := client.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		key := keys.Val()
		if ofTask[key] {
			continue
		}
		m.keys++
		var value any
		var err error
		switch client.Type(t.Context(), key).Val() {
		case "stream":
			entries, failure := client.XRange(t.Context(), key, "-", "+").Result()
			value, err = entries, failure
			if key == record.Stream {
				told = len(entries)
			}
		case "none": // it has expired since
			continue
		default:
			value, err = client.Do(t.Context(), systemtest.ReadCommand(t.Context(), client, key)...).Result()
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatalf("read %s: %v", key, err)
		}
		if strings.HasPrefix(key, "asynq:") {
			asynqs++
		}
		m.find(t, "the key "+key, key+" "+fmt.Sprint(value))
	}
	if err := keys.Err(); err != nil || asynqs == 0 || told == 0 {
		t.Errorf("%d keys of asynq and %d entries of the stream were searched: %v", asynqs, told, err)
	}
}

// areWhereTheyBelong: what the searches did not find was there to be found.
func (m *markedTest) areWhereTheyBelong(t *testing.T) {
	t.Helper()
	client := m.Redis.Client(t)
	for _, fate := range []string{"binds", "pairs", "retries", "fails", "conflicts", "uncertain", "garbled", "recordings", "scheduled", "paused", "beating", "frozen"} {
		holds := func(id string) bool {
			return marked.MatchString(fmt.Sprint(client.HGetAll(t.Context(), record.Key(id)).Val()))
		}
		if !slices.ContainsFunc(m.ids[fate], holds) {
			t.Errorf("no record of %s holds a marked number: nothing was shown", fate)
		}
	}
	for _, fate := range []string{"binds", "retries", "recordings"} {
		if r := systemtest.Run(t, m.Env, "", "result", m.ids[fate][0], "--json"); !marked.MatchString(r.Out) || marked.MatchString(r.Errors) {
			t.Errorf("result --json of %s: %s%s", fate, r.Out, r.Errors)
		}
	}
}

// search is find, counted.
func (m *markedTest) search(t *testing.T, where, text string) {
	t.Helper()
	m.others++
	m.find(t, where, text)
}

func (m *markedTest) find(t *testing.T, where, text string) {
	t.Helper()
	if at := marked.FindStringIndex(text); at != nil {
		m.hits++
		t.Errorf("%s: ...%s...", where, text[max(0, at[0]-120):min(len(text), at[1]+40)])
	}
}
