package crash

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// chaosTasks is the variable that says how many binds the chaos test makes; make faults sets it to
// 10,000.
const chaosTasks = "DYPLSQ_CHAOS_TASKS"

const (
	chaosWorkers = 3
	killEvery    = 3 * time.Second
	slotsEach    = 16
	settledIn    = 8 * time.Minute
)

// TestChaos: half of the binds name their X, a quarter gets one from the inventory, a quarter
// leaves it to the platform; one answer in ten is lost, workers are killed every three seconds and
// Redis twice. What can be looked up is bound exactly once and told; of the rest, every doubt is
// told as uncertain, and there are no more of them than answers lost and calls cut.
func TestChaos(t *testing.T) {
	t.Parallel()
	chaos(t, chaosCount(t))
}

// TestChaosPlainAsynq: the same holds where asynq talks to Redis by itself.
func TestChaosPlainAsynq(t *testing.T) {
	t.Parallel()
	chaos(t, chaosCount(t)/4, "DYPLSQ_ASYNQ_PLAIN=true")
}

func chaosCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv(chaosTasks)
	if text == "" {
		return 400
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func chaos(t *testing.T, count int, env ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	named, owned := dyplstest.Numbers("171", count), dyplstest.Numbers("173", count)
	s := systemtest.New(t, dyplstest.Config{
		Pools: []dyplstest.Pool{
			{Key: systemtest.NamedPool, Numbers: named}, {Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("172", count)}, {Key: systemtest.OwnPool, Numbers: owned},
		},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Rate: 0.1, First: 1}, {Do: dyplstest.Slow, Delay: 30 * time.Millisecond}},
		Seed:   7, LedgerLimit: -1,
	}, "--appendonly", "yes", "--appendfsync", "always")
	s.Env = append(s.Env, env...)

	var numbers bytes.Buffer
	for _, x := range owned {
		fmt.Fprintln(&numbers, string(x))
	}
	if r := systemtest.Run(t, s.Env, numbers.String(), "numbers", "import", systemtest.OwnPool, "-"); r.Status != systemtest.StatusOK {
		t.Fatalf("numbers import: exit status %d: %s", r.Status, r.Errors)
	}
	kills := startKilling(t, s)
	t.Cleanup(func() { kills.stop() })
	lines := chaosLines(count, named)
	file := filepath.Join(t.TempDir(), "jobs.jsonl")
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	// it repeats what may be queued in part
	redistest.Poll(t, time.Minute, "a producer to reach Redis", func(context.Context) error {
		r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", "--file", file) //nolint:contextcheck // the process has the test's own
		// some may be uncertain by now
		if r.Status == systemtest.StatusOK || r.Status == systemtest.StatusFailed {
			return nil
		}
		return fmt.Errorf("exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	})
	outcomes := collectAll(t, s, count)
	cut := kills.stop()
	judge(t, s, outcomes, cut)
	s.ListsAgree(t, outcomes)
}

func chaosLines(count int, named []dypls.Phone) []byte {
	var lines bytes.Buffer
	for i := range count {
		pool, x := systemtest.PoolOf(i), ""
		if pool == systemtest.NamedPool {
			x = fmt.Sprintf(`,"PhoneNoX":%q`, string(named[i]))
		}
		fmt.Fprintf(&lines, `{"TaskID":"chaos-%d","PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`+"\n", i, pool, i, x)
	}
	return lines.Bytes()
}

// killing ends workers and Redis as crashes do, and starts them again.
type killing struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	workers int // killed
	redis   int
}

func startKilling(t *testing.T, s *systemtest.System) *killing {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	k := &killing{cancel: cancel}
	workers := make([]*systemtest.Process, chaosWorkers)
	for i := range workers {
		workers[i] = systemtest.Start(t, s.Env, "worker", "--concurrency", strconv.Itoa(2*slotsEach))
	}
	k.running.Go(func() {
		tick := time.NewTicker(killEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			victim := n % chaosWorkers
			_ = workers[victim].Cmd.Process.Signal(syscall.SIGKILL)
			<-workers[victim].Done
			k.workers++
			if n == 2 || n == 6 {
				s.Redis.Kill()
				s.Redis.Restart(t) //nolint:contextcheck // it has a deadline of its own
				k.redis++
			}
			workers[victim] = systemtest.Start(t, s.Env, "worker", "--concurrency", strconv.Itoa(2*slotsEach))
		}
	})
	return k
}

// stop returns how many calls can have been cut at the most.
func (k *killing) stop() (cut int) {
	k.cancel()
	k.running.Wait()
	return k.workers * slotsEach
}

// collectAll waits for every outcome, across everything that happens meanwhile.
func collectAll(t *testing.T, s *systemtest.System, count int) []tasks.Outcome {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprint("chaos-", i)
	}
	var outcomes []tasks.Outcome
	redistest.Poll(t, settledIn, "all outcomes", func(ctx context.Context) error {
		var err error
		if outcomes, err = queue.Outcomes(ctx, ids...); err != nil {
			return err
		}
		pending := 0
		for _, o := range outcomes {
			if o.State == tasks.StatePending {
				pending++
			}
		}
		if pending > 0 {
			return fmt.Errorf("%d pending", pending)
		}
		return nil
	})
	return outcomes
}

func judge(t *testing.T, s *systemtest.System, outcomes []tasks.Outcome, cut int) {
	t.Helper()
	performed := map[string][]dyplstest.Entry{}
	lost := 0
	for _, e := range s.Simulator.Ledger() {
		if id := e.Parameters["OutId"]; e.Performed && e.Action == "BindAxn" {
			performed[id] = append(performed[id], e)
			if e.Code == "" && e.Parameters["PoolKey"] == systemtest.ChosenPool {
				lost++
			}
		}
	}
	uncertain, surplus := 0, 0
	for i, o := range outcomes {
		done := performed[o.ID]
		surplus += max(len(done)-1, 0)
		switch {
		case o.State == tasks.StateUncertain && systemtest.PoolOf(i) == systemtest.ChosenPool:
			uncertain++
		case o.State != tasks.StateSucceeded:
			t.Errorf("%s of pool %s is %s %s: %s", o.ID, systemtest.PoolOf(i), o.State, o.Code, o.Message)
		case len(done) == 0 || !strings.Contains(string(o.Result), strconv.Quote(done[0].SubsID)):
			t.Errorf("%s: its result is not what was bound", o.ID)
		}
	}
	stock := systemtest.Run(t, s.Env, "", "numbers", "list", systemtest.OwnPool, "--json")
	if want := fmt.Sprintf(`"leased":0,"bound":%d,`, (len(outcomes)+2)/4); !strings.Contains(stock.Out, want) {
		t.Errorf("the inventory is %s, want %s", stock.Out, want)
	}
	t.Logf("%d binds, %d answers lost on X the platform chose, at most %d calls cut: %d uncertain, %d surplus", len(outcomes), lost, cut, uncertain, surplus)
	if surplus > 0 {
		t.Errorf("%d surplus bindings", surplus)
	}
	if uncertain > lost+cut {
		t.Errorf("%d uncertain outcomes, more than %d answers lost and %d calls cut", uncertain, lost, cut)
	}
}
