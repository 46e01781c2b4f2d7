package scale

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// queuedTasks is the variable that says how many tasks are queued at once; by itself 10,000, and a
// million where tests of scale run whole.
const queuedTasks = "DYPLSQ_QUEUED_TASKS"

func jobsQueued(t *testing.T) int {
	t.Helper()
	text := os.Getenv(queuedTasks)
	switch {
	case text == "" && systemtest.WholeScale():
		return 1_000_000
	case text == "":
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number of tasks, 1 or more: %v", queuedTasks, err)
	}
	return n
}

// What a task may take, with room for a busy machine's noise.
const (
	queuedBytes   = 2_500 // of Redis, while it waits
	finishedBytes = 3_000 // of Redis, afterwards
	// Of the command that enqueues all of them at once, which holds all until all are known to be
	// right.
	enqueueBytes  = 6_500
	enqueueBaseKB = 60 * 1024
)

// TestMillionQueued: a million binds in one file, enqueued by one command before any worker runs,
// and drained by one worker.
//
// Invariant: each takes effect once; what a task takes of Redis and of the producer does not grow
// with how many there are, and the worker takes no more than it does for a few.
func TestMillionQueued(t *testing.T) {
	if testing.Short() {
		t.Skip("enqueues thousands")
	}
	t.Parallel()
	jobs, within := jobsQueued(t), 3*time.Minute
	if systemtest.WholeScale() || os.Getenv(queuedTasks) != "" {
		within = 30 * time.Minute
	}
	s := systemtest.New(t, dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", jobs)}}, LedgerLimit: 1,
	})
	client := s.Redis.Client(t)
	empty := redisMemory(t, client)
	file := filepath.Join(t.TempDir(), "million.jsonl")
	writeJobs(t, file, jobs)

	began := time.Now()
	producerKB := enqueueQuietly(t, s, file)
	enqueuing := time.Since(began)
	queued := redisMemory(t, client)

	began = time.Now()
	w := silentWorker(t, s)
	redistest.Poll(t, within, "all to be drained", func(ctx context.Context) error {
		left, err := openTasks(ctx, client)
		if err == nil && left != 0 {
			err = fmt.Errorf("%d are left", left)
		}
		return err
	})
	draining := time.Since(began)
	workerKB := systemtest.PeakMemory(t, w)
	finished := redisMemory(t, client)

	everyOneOnce(t, s, jobs)
	each := func(now int) int { return (now - empty) / jobs }
	t.Logf("%d binds: enqueued in %.1f s (%.0f/s), producer at most %d MB; waiting: Redis %d MB, %d bytes each; drained in %.1f s (%.0f/s), worker at most %d MB; finished: Redis %d MB, %d bytes each",
		jobs, enqueuing.Seconds(), float64(jobs)/enqueuing.Seconds(), producerKB>>10, queued>>20, each(queued),
		draining.Seconds(), float64(jobs)/draining.Seconds(), workerKB>>10, finished>>20, each(finished))
	if n := each(queued); n > queuedBytes {
		t.Errorf("a task that waits takes %d bytes of Redis, want at most %d", n, queuedBytes)
	}
	if n := each(finished); n > finishedBytes {
		t.Errorf("a task that has finished takes %d bytes of Redis, want at most %d", n, finishedBytes)
	}
	if systemtest.RaceDetector {
		return
	}
	if most := enqueueBaseKB + jobs*enqueueBytes>>10; producerKB > most {
		t.Errorf("the producer took %d kB, want at most %d", producerKB, most)
	}
	if workerKB > systemtest.MaxWorkerKB {
		t.Errorf("the worker took %d kB, want at most %d", workerKB, systemtest.MaxWorkerKB)
	}
}

func writeJobs(t *testing.T, name string, jobs int) {
	t.Helper()
	var lines bytes.Buffer
	for i := range jobs {
		_, _ = fmt.Fprintln(&lines, systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	if err := os.WriteFile(name, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// enqueueQuietly enqueues a file, throws the outcomes away, and returns the most memory that the
// command took, in kB.
func enqueueQuietly(t *testing.T, s *systemtest.System, file string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), systemtest.Program(t), "enqueue", "BindAxn", "--file", file)
	var errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.Env, io.Discard, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, systemtest.Tail(errs.String()))
	}
	usage, told := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !told {
		t.Skip("this system does not tell a process' memory")
	}
	return int(usage.Maxrss)
}

// silentWorker starts a worker whose log, a line for each task, goes to a file.
func silentWorker(t *testing.T, s *systemtest.System) *systemtest.Process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "worker.log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &systemtest.Process{Cmd: exec.Command(systemtest.Program(t), "worker"), Done: make(chan struct{})}
	p.Cmd.Env, p.Cmd.Stderr = s.Env, log
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.Done)
		_ = p.Cmd.Wait()
		_ = log.Close()
	}()
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill()
		<-p.Done
	})
	return p
}

// redisMemory is what Redis' data takes, in bytes.
func redisMemory(t *testing.T, client *redis.Client) int {
	t.Helper()
	info, err := client.Info(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range systemtest.Lines(info) {
		if text, is := strings.CutPrefix(line, "used_memory_dataset:"); is {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("Redis does not tell its memory")
	return 0
}

// openTasks counts the tasks that the index has: those without an outcome, or of whose outcome not
// everybody was told.
func openTasks(ctx context.Context, client *redis.Client) (n int64, err error) {
	const shards = 16
	for i := range shards {
		some, err := client.ZCard(ctx, fmt.Sprintf("dypls:open:{%02x}", i)).Result()
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

// everyOneOnce checks job-0, job-1 and so on: each succeeded, and has a binding of its own, beside
// which there are none.
func everyOneOnce(t *testing.T, s *systemtest.System, jobs int) {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	defer func() { _ = queue.Close() }()
	const atOnce = 1000
	results := make(map[string]struct{}, jobs)
	for from := 0; from < jobs; from += atOnce {
		ids := make([]string, 0, atOnce)
		for i := from; i < min(from+atOnce, jobs); i++ {
			ids = append(ids, fmt.Sprint("job-", i))
		}
		outcomes, err := queue.Outcomes(t.Context(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if o.State != tasks.StateSucceeded {
				t.Fatalf("%s is %s %s", o.ID, o.State, o.Code)
			}
			results[string(o.Result)] = struct{}{}
		}
	}
	if bound := len(s.Simulator.Bindings()); len(results) != jobs || bound != jobs {
		t.Errorf("%d tasks have %d results, and %d are bound", jobs, len(results), bound)
	}
}
