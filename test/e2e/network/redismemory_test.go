package network

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// mostCommands is far above what two workers send in a second to a Redis that refuses them, and far
// below what they would without a pause between.
const mostCommands = 10_000

// TestRedisOutOfMemory: memory runs out while binds are queued and out, and later there is more.
//
// Invariants: while Redis refuses to write, no call starts and no record or queue changes, not even
// by half; what was out is written when there is memory again. Every task is one performed call,
// its outcome is there, none is uncertain. A producer is told what is wrong and what to do, and the
// same key again is the same task. Workers do not storm Redis meanwhile.
func TestRedisOutOfMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("keeps Redis out of memory for a while")
	}
	full := 10 * time.Second
	if systemtest.WholeFaults() {
		full = 45 * time.Second // longer than a claim, and than asynq's lease
	}
	const jobs, out, leaves = 200, 20, 4 * time.Second
	const refused = `{"TaskID":"refused","PoolKey":"` + systemtest.ChosenPool + `","PhoneNoA":"13900001234","Expiration":"2099-01-31 23:59:59"}`
	pools, ids, input := namedAndChosen("full-", jobs)
	s := systemtest.New(t, dyplstest.Config{
		Pools: pools, Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 2 * time.Second, Performed: true}},
	})
	client := s.Redis.Client(t)
	s.EnqueueBatch(t, "BindAxn", input)
	workers := []*systemtest.Process{s.Worker(t), s.Worker(t)}
	redistest.Poll(t, systemtest.StartWithin, "calls to be out", func(context.Context) error {
		if n := len(s.Simulator.Ledger()); n < out {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
	fillRedis(t, client)
	filled := time.Now()
	for _, w := range workers {
		redistest.Poll(t, systemtest.StartWithin, "the workers to miss the memory", w.Wrote("Redis refuses commands; retrying"))
	}
	// What had leave to leave may still do so for a moment, and take another to arrive.
	redistest.Poll(t, systemtest.StartWithin, "the last call to arrive", systemtest.Passes(leaves, filled))
	calls, before, commands := len(s.Simulator.Ledger()), recordsAndLists(t, client), commandsOf(t, client)
	measured := time.Now()

	r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", refused)
	t.Logf("a producer is told, with exit status %d: %s", r.Status, strings.TrimSpace(r.Errors))
	if r.Status != systemtest.StatusUnreachable || !strings.Contains(r.Errors, "raise its maxmemory") || !strings.Contains(r.Errors, "under the same key") {
		t.Errorf("enqueue: exit status %d: %s", r.Status, r.Errors)
	}
	redistest.Poll(t, 2*full+systemtest.StartWithin, "the time without memory to pass", func(context.Context) error {
		if left := full - time.Since(filled); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	})
	if diff := cmp.Diff(before, recordsAndLists(t, client)); diff != "" {
		t.Errorf("written while Redis was out of memory (-before +after):\n%s", systemtest.Tail(diff))
	}
	if n := len(s.Simulator.Ledger()); n != calls {
		t.Errorf("%d calls started while Redis was out of memory", n-calls)
	}
	rate := float64(commandsOf(t, client)-commands) / time.Since(measured).Seconds()
	if rate > mostCommands {
		t.Errorf("two workers sent %.0f commands a second to a Redis that is out of memory", rate)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "refused"); r.Status != systemtest.StatusUsage {
		t.Errorf("a task that was refused is there: exit status %d: %s", r.Status, r.Out)
	}

	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	lifted := time.Now()
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", refused, "--wait", "90s")
	outcomes, held := collected(t, s, append(ids, "refused"), 2*time.Minute)
	s.EachOnce(t, outcomes)
	if len(held) > 0 {
		t.Errorf("%d were told as uncertain", len(held))
	}
	t.Logf("Redis out of memory for %s with %d calls out or done, %d binds: each took effect once, 0 uncertain; the last was settled %s after there was memory again; two workers sent %.0f commands a second meanwhile",
		full, calls, len(outcomes), time.Since(lifted).Round(100*time.Millisecond), rate)
}

// TestBatchOutOfMemory: memory runs out in the middle of a batch.
//
// Invariant: the producer is told so; what was taken and what was not is whole, and the same batch
// again makes every task that is missing and no task twice: each is one performed call.
func TestBatchOutOfMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("binds some thousands")
	}
	const jobs = 3000
	s := systemtest.New(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", jobs)}}})
	client := s.Redis.Client(t)
	file := systemtest.JobsFile(t, jobs)
	const room = 2 << 20
	if err := client.ConfigSet(t.Context(), "maxmemory", strconv.Itoa(infoOf(t, client, "memory", "used_memory")+room)).Err(); err != nil {
		t.Fatal(err)
	}
	r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", "--file", file)
	if r.Status != systemtest.StatusUnreachable || !strings.Contains(r.Errors, "raise its maxmemory") {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	records, deliveries := 0, client.LLen(t.Context(), "asynq:{bind}:pending").Val()
	for key := range recordsAndLists(t, client) {
		if strings.HasPrefix(key, "dypls:{") {
			records++
		}
	}
	if records == 0 {
		t.Error("nothing was taken: the test shows nothing")
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	s.Worker(t) // what was taken may be performed before the batch comes again
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", "--file", file, "--wait", "60s")
	outcomes := s.Settled(t, jobs, time.Minute)
	s.EachOnce(t, outcomes)
	t.Logf("Redis out of memory after %d of %d records and %d deliveries; after the same batch again %d binds took effect, each once",
		records, jobs, deliveries, s.AllPerformed())
}

// TestBatchWithoutKeysOutOfMemory: the same, for lines without a TaskID.
//
// Invariant: whoever repeats the batch under the keys that the error told makes no task twice.
func TestBatchWithoutKeysOutOfMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("binds some thousands")
	}
	const jobs = 2000
	s := systemtest.New(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", jobs)}}})
	client := s.Redis.Client(t)
	lines := make([]string, jobs)
	for i := range lines {
		lines[i] = systemtest.Bind(i, "")
	}
	const room = 1 << 20
	if err := client.ConfigSet(t.Context(), "maxmemory", strconv.Itoa(infoOf(t, client, "memory", "used_memory")+room)).Err(); err != nil {
		t.Fatal(err)
	}
	r := systemtest.Run(t, s.Env, strings.Join(lines, "\n"), "enqueue", "BindAxn", "-")
	told := regexp.MustCompile(`line (\d+): ("TaskID":"[^"]+")`).FindAllStringSubmatch(r.Errors, -1)
	if r.Status != systemtest.StatusUnreachable || len(told) != jobs {
		t.Fatalf("enqueue: exit status %d, %d keys: %s", r.Status, len(told), systemtest.Tail(r.Errors))
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for i, key := range told {
		lines[i] = strings.TrimSuffix(lines[i], "}") + "," + key[2] + "}"
	}
	s.Worker(t)
	if r := systemtest.Run(t, s.Env, strings.Join(lines, "\n"), "enqueue", "BindAxn", "-", "--wait", "60s"); r.Status != systemtest.StatusOK {
		t.Fatalf("enqueue again: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	if n := s.AllPerformed(); n != jobs {
		t.Errorf("%d binds were performed, want %d", n, jobs)
	}
}

// fillRedis gives Redis a little more memory than it uses, uses it up, and then takes a little
// away, so that what is freed by the way makes no room.
func fillRedis(t *testing.T, client *redis.Client) {
	t.Helper()
	ctx := t.Context()
	const room = 2 << 20
	limit := infoOf(t, client, "memory", "used_memory") + room
	if err := client.ConfigSet(ctx, "maxmemory", strconv.Itoa(limit)).Err(); err != nil {
		t.Fatal(err)
	}
	for size := 64 << 10; size > 0; size /= 4 {
		for n := 0; ; n++ {
			err := client.Set(ctx, fmt.Sprintf("filler:%d:%d", size, n), strings.Repeat("x", size), 0).Err()
			if err != nil && !strings.HasPrefix(err.Error(), "OOM ") {
				t.Fatal(err)
			}
			if err != nil || n > room/size {
				break
			}
		}
	}
	if err := client.ConfigSet(ctx, "maxmemory", strconv.Itoa(limit-room)).Err(); err != nil {
		t.Fatal(err)
	}
}

// recordsAndLists is what is known of tasks: their records, the index, the stream, and asynq's
// pending tasks. Deliveries that are over leave asynq without needing memory.
func recordsAndLists(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	values := map[string]string{"pending": fmt.Sprint(client.LRange(ctx, "asynq:{bind}:pending", 0, -1).Val())}
	keys := client.Scan(ctx, 0, "dypls:*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		if strings.HasPrefix(key, "dypls:quota:") || strings.HasPrefix(key, "dypls:breaker") {
			continue // not of a task, and in motion
		}
		switch client.Type(ctx, key).Val() {
		case "hash":
			fields := client.HGetAll(ctx, key).Val()
			values[key] = fmt.Sprint(fields)
			for _, field := range []string{"fingerprint", "action", "state", "fence", "enqueued_at"} {
				if fields[field] == "" && strings.HasPrefix(key, "dypls:{") {
					t.Errorf("half a record: %s has %v", key, slices.Collect(maps.Keys(fields)))
				}
			}
		case "zset":
			values[key] = fmt.Sprint(client.ZRangeWithScores(ctx, key, 0, -1).Val())
		case "stream":
			values[key] = strconv.FormatInt(client.XLen(ctx, key).Val(), 10)
		}
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

func commandsOf(t *testing.T, client *redis.Client) int {
	t.Helper()
	return infoOf(t, client, "stats", "total_commands_processed")
}

func infoOf(t *testing.T, client *redis.Client, section, name string) int {
	t.Helper()
	info, err := client.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	text, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("redis' %s: %v", name, err)
	}
	return n
}
