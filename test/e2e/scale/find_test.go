package scale

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// What is looked for: few tasks that failed with one code, among many that failed with others or
// succeeded.
const (
	soughtCode  = "isv.PARTNER_IS_CLOSED"
	soughtTasks = 12
	otherFailed = 10 // of how many tasks one failed with another code
	findWithin  = time.Second
	entryBytes  = 400 // of Redis, of the catalog for a task
)

// TestFindAmongMany: tasks that failed with one code are found by the command among a million
// others, however old or new these are.
//
// Invariant: the command takes no longer than it does to find them among a few.
func TestFindAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("records thousands")
	}
	t.Parallel()
	many := 20_000
	if systemtest.WholeScale() {
		many = 1_000_000
	}
	server := redistest.Start(t)
	client := server.Client(t)
	began := time.Now()
	bytes := recordMany(t, client, many)
	t.Logf("%d records: filled in %.1f s; the catalog takes %d bytes of each, and the record %d", many, time.Since(began).Seconds(),
		bytes.catalog/many, bytes.records/many)
	if n := bytes.catalog / many; n > entryBytes {
		t.Errorf("the catalog takes %d bytes of a task, want at most %d", n, entryBytes)
	}

	env := systemtest.CleanEnv(append(server.Env(), "HOME="+t.TempDir())...)
	find := func(what string, want int, args ...string) {
		t.Helper()
		best := time.Hour
		for range 3 { // others use the machine, too
			began := time.Now()
			r := systemtest.Run(t, env, "", append([]string{"list", "--json", "--limit", "1000"}, args...)...)
			best = min(best, time.Since(began))
			if n := strings.Count(r.Out, "\n"); r.Status != 0 || n != want {
				t.Fatalf("%s: exit status %d, %d found, want %d: %s", what, r.Status, n, want, r.Errors)
			}
		}
		t.Logf("%s: %d of %d found in %s by the command", what, want, many, best.Round(time.Millisecond))
		if best > findWithin && systemtest.WholeScale() { // which runs alone
			t.Errorf("%s: took %s, want at most %s", what, best, findWithin)
		}
	}
	find("of one code", soughtTasks, "--state", "failed", "--code", soughtCode, "--since", "2h")
	find("of one code and action", soughtTasks/2, "--state", "failed", "--code", soughtCode, "--action", "UnbindSubscription")
	find("failed", 1000, "--state", "failed", "--since", "20h")
	find("the newest", 1000)
	find("open among the others", 3, "--state", "pending")
	findInConsole(t, env, many)
}

// findInConsole finds them on the page of tasks, and looks at other pages for what dash takes.
func findInConsole(t *testing.T, env []string, many int) {
	t.Helper()
	dash := systemtest.Start(t, env, "dash", "--listen", "127.0.0.1:0")
	redistest.Poll(t, systemtest.StartWithin, "the dashboard to be up", dash.Wrote(`"message":"dashboard listening"`))
	url := regexp.MustCompile(`https?://[^"]+/`).FindString(dash.Text()) + "console/"
	show := func(path string, want int) (best time.Duration) {
		t.Helper()
		best = time.Hour
		for range 3 {
			began := time.Now()
			status, page := systemtest.Get(t, url+path)
			best = min(best, time.Since(began))
			listed := map[string]bool{}
			for _, id := range anyTask.FindAllString(page, -1) {
				listed[id] = true
			}
			if status != http.StatusOK || len(listed) != want {
				t.Fatalf("%s: %d, %d tasks, want %d: %s", path, status, len(listed), want, systemtest.Tail(page))
			}
		}
		return best
	}
	took := show("tasks?state=failed&since=2h&code="+soughtCode, soughtTasks)
	if took > findWithin && systemtest.WholeScale() {
		t.Errorf("the console took %s, want at most %s", took, findWithin)
	}
	show("tasks?state=failed&size=100", pageOfTasks)
	show("tasks?state=succeeded&size=100", pageOfTasks)
	for _, path := range []string{"now", "uncertain", "audit", "numbers", "calls", "callbacks"} {
		if status, page := systemtest.Get(t, url+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, systemtest.Tail(page))
		}
	}
	memory := residentKB(t, dash.Cmd.Process.Pid)
	t.Logf("%d of %d found in %s by the console; dash takes %d MB", soughtTasks, many, took.Round(time.Millisecond), memory>>10)
	if memory > dashKB {
		t.Errorf("dash takes %d kB, want at most %d", memory, dashKB)
	}
}

const (
	pageOfTasks = 100
	dashKB      = 150 << 10
)

var (
	anyTask  = regexp.MustCompile(`0192f1c2-7e4a-7000-8000-\d{12}`)
	resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
)

// residentKB is the memory of a process.
func residentKB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no /proc to read the memory of a process from: %v", err)
	}
	kb, err := strconv.Atoi(string(resident.FindSubmatch(text)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// taken are bytes of Redis.
type taken struct{ records, catalog int }

// recordMany makes records as a day's work leaves them, and tells their outcomes.
func recordMany(t *testing.T, client *redis.Client, many int) (bytes taken) {
	t.Helper()
	store, start := record.NewStore(client), time.Now()
	empty := redisMemory(t, client)
	made := func(n int) (o record.Open) {
		at := start.Add(-20 * time.Hour * time.Duration(n) / time.Duration(many)).Truncate(time.Millisecond)
		o = record.Open{ID: fmt.Sprintf("0192f1c2-7e4a-7000-8000-%012d", n), Action: "BindAxn", State: record.Succeeded, Code: "OK", Finished: at}
		if n%2 == 1 {
			o.Action = "UnbindSubscription"
		}
		switch recent := many / 10 / soughtTasks &^ 1; { // even: each second one is a bind. 2 h of 20 are a tenth
		case n%recent == n/recent%2 && n/recent < soughtTasks:
			o.State, o.Code = record.Failed, soughtCode
		case n%otherFailed == 0:
			o.State, o.Code = record.Failed, "isv.NO_AVAILABLE_NUMBER"
		}
		return o
	}
	const atOnce = 5000
	each := func(do func(ctx context.Context, some []record.Open)) {
		for first := 0; first < many; first += atOnce {
			some := make([]record.Open, 0, atOnce)
			for n := first; n < min(first+atOnce, many); n++ {
				some = append(some, made(n))
			}
			do(t.Context(), some)
		}
	}
	each(func(ctx context.Context, some []record.Open) {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, o := range some {
				p.HSet(ctx, record.Key(o.ID), "state", string(o.State), "action", o.Action, "code", o.Code, "attempts", 1, "calls", 1,
					"message", "message of "+o.Code, "class", "Rejected", "request_id", "8906582E-6722-4E5C-8B3C-0F5C0C7A2B11",
					"fingerprint", strings.Repeat("Action:00 PoolKey:01 ", 6), "fence", o.Finished.UnixMicro(),
					"process_at", o.Finished.UnixMilli(), "enqueued_at", o.Finished.Add(-time.Second).UnixMilli(), "finished_at", o.Finished.UnixMilli())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	bytes.records = redisMemory(t, client) - empty
	each(func(ctx context.Context, some []record.Open) {
		if err := store.Tell(ctx, some); err != nil {
			t.Fatal(err)
		}
		client.Del(ctx, record.Stream)
	})
	bytes.catalog = redisMemory(t, client) - empty - bytes.records
	for n := range 3 {
		created, err := store.Create(t.Context(), []*record.New{{ID: fmt.Sprint("open-", n), Action: "BindAxn", Fingerprint: "f", ProcessAt: start}})
		if err != nil || created[0].Verdict != record.IsNew {
			t.Fatal(created, err)
		}
	}
	return bytes
}
