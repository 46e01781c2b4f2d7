package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	indexWorkers     = 3
	killWorkerEvery  = 2 * time.Second
	indexKeep        = time.Minute // of records: the least that there may be
	indexAgreesIn    = 12 * time.Minute
	indexActorsAtOne = 8
)

// history is what happens to some hundred tasks, in any order: they are enqueued, performed,
// refused, lost, canceled, tried again and settled, while workers and masters are killed.
type history struct {
	*systemtest.System
	*testing.T

	queue *tasks.Queue
	seed  uint64
	tasks int
	done  sync.WaitGroup
}

// TestRedisNeverLeavesTheIndexWrong: whatever happened to tasks, and whatever died meanwhile, lists
// and the index of open tasks are what the records are, within the reaper's round; and once records
// have come to the end of their time, nothing of them is left.
func TestRedisNeverLeavesTheIndexWrong(t *testing.T) {
	form := formOfFailover(t)
	t.Parallel()
	if systemtest.WholeFaults() {
		form.calm, form.kills = 10*time.Second, 3
	}
	site := redistest.StartSentinel(t)
	site.TakeForDeadAfter(t, takenForDead)
	h := newHistory(t, site, 150*(form.kills+1))
	kills, ended := h.killWorkers()
	h.begin()
	for range form.kills {
		redistest.Poll(t, form.calm+systemtest.StartWithin, "a while to pass", systemtest.Passes(form.calm, time.Now()))
		site.Rejoin(t, site.KillMaster(t))
	}
	h.done.Wait()
	kills()
	killed := <-ended
	client := site.Master(t).Client(t)
	redistest.Poll(t, indexAgreesIn, "the index to be what the records are", func(ctx context.Context) error {
		return h.compare(ctx, client, false)
	})
	found, err := recordsOf(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: %d workers and %d masters killed; records: %v", h.seed, killed, form.kills, tally(found))
	// Those that are held live on. Of the others nothing is left, once their time is over.
	redistest.Poll(t, indexAgreesIn, "what is gone to leave the index", func(ctx context.Context) error {
		return h.compare(ctx, client, true)
	})
	if found, err = recordsOf(t.Context(), client); err != nil || len(found) == 0 {
		t.Errorf("nothing is held: the test shows little: %v", err)
	}
}

func newHistory(t *testing.T, site *redistest.Sentinels, tasksInAll int) *history {
	t.Helper()
	s := systemtest.NewSimulated(t, dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("172", 4*tasksInAll)}},
		Faults: []dyplstest.Fault{
			{Action: "BindAxn", Rate: 0.15, First: 1, Code: "isv.NO_AVAILABLE_NUMBER"},
			{Action: "BindAxn", Rate: 0.15, First: 1, Code: "isv.ILLEGAL_ARGUMENT"},
			{Action: "BindAxn", Rate: 0.15, First: 1, Do: dyplstest.DropAfter},
			{Do: dyplstest.Slow, Delay: 20 * time.Millisecond},
		},
		Seed: 7, LedgerLimit: -1,
	}, "REDIS_URL="+site.URL(), "DYPLSQ_WAIT_REPLICAS=1", "DYPLSQ_KEEP="+indexKeep.String())
	client, err := tasks.RedisConfig{URL: site.URL()}.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	queue := queuetest.New(t, tasks.Config{Client: client, WaitReplicas: 1, Retention: indexKeep})
	return &history{System: s, T: t, queue: queue, seed: rand.Uint64(), tasks: tasksInAll}
}

// killWorkers keeps killing workers and starting others until it is told to stop: then all live. It
// tells how many it has killed.
func (h *history) killWorkers() (stop context.CancelFunc, killed <-chan int) {
	ctx, stop := context.WithCancel(h.Context())
	workers := make([]*systemtest.Process, indexWorkers)
	for i := range workers {
		workers[i] = systemtest.Start(h.T, h.Env, "worker")
	}
	ended := make(chan int, 1)
	go func() {
		tick := time.NewTicker(killWorkerEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				ended <- n
				return
			case <-tick.C:
			}
			victim := n % indexWorkers
			_ = workers[victim].Cmd.Process.Signal(syscall.SIGKILL)
			<-workers[victim].Done
			workers[victim] = systemtest.Start(h.T, h.Env, "worker")
		}
	}()
	return stop, ended
}

// begin has several actors live through the histories of tasks.
func (h *history) begin() {
	for actor := range indexActorsAtOne {
		random := rand.New(rand.NewPCG(h.seed, uint64(actor)))
		h.done.Go(func() {
			for n := actor; n < h.tasks; n += indexActorsAtOne {
				h.live(random, n)
			}
		})
	}
}

// live enqueues a task until that is acknowledged, and does something to it or to an earlier one.
// What Redis does not take meanwhile is left undone.
func (h *history) live(random *rand.Rand, n int) {
	ctx, id := h.Context(), fmt.Sprint("task-", n)
	options := []tasks.Option{tasks.TaskID(id)}
	if random.IntN(4) == 0 {
		options = append(options, tasks.ProcessIn(time.Duration(random.IntN(5))*time.Second))
	}
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", n)), Expiration: dypls.At(farAway),
	}
	for {
		_, err := tasks.BindAXN.Enqueue(ctx, h.queue, request, options...)
		if err == nil || !until(ctx, time.Now().Add(enqueueAgainAfter)) {
			break
		}
	}
	other := fmt.Sprint("task-", random.IntN(n+1))
	switch random.IntN(4) {
	case 0:
		_ = h.queue.Cancel(ctx, id)
	case 1:
		_ = h.queue.Retry(ctx, other, "li")
	case 2:
		_ = h.queue.Resolve(ctx, other, tasks.ResolveFailed("li"))
	case 3:
		_ = h.queue.Resolve(ctx, other, tasks.ResolveRetry("li"))
	}
}

// compare looks at all records one by one, and at what lists and the index say of them. exactly:
// there is no entry of another, either.
func (h *history) compare(ctx context.Context, client *redis.Client, exactly bool) error {
	records, err := recordsOf(ctx, client)
	if err != nil {
		return err
	}
	open := map[string]string{}
	entries := map[string]int{"open": 0} // of the sets of one kind, as there are to be
	for id, is := range records {
		state, _, _ := strings.Cut(is, " ")
		switch state {
		case "failed", "uncertain":
			entries[state] += 2
		case "succeeded":
		default:
			open[id] = is
		}
	}
	entries["tasks"] = len(records)
	if len(open) > 0 {
		return fmt.Errorf("%d have no outcome, such as %.200s", len(open), fmt.Sprint(open))
	}
	if err := h.listsAre(ctx, records); err != nil {
		return err
	}
	for kind, want := range entries {
		n, err := entriesOf(ctx, client, kind)
		if err != nil {
			return err
		}
		if n < want || (exactly || kind == "open") && n != want {
			return fmt.Errorf("%d entries of %s, want %d", n, kind, want)
		}
	}
	if uncertain := entries["uncertain"] / 2; exactly && len(records) > uncertain {
		return errors.New("records are still in their time")
	}
	return nil
}

// listsAre compares what a search finds, of all and of each state and code.
func (h *history) listsAre(ctx context.Context, records map[string]string) error {
	kinds := map[string]map[string]string{"": records}
	for _, state := range []string{"succeeded", "failed", "uncertain", "pending"} {
		kinds[state] = map[string]string{}
	}
	for id, is := range records {
		state, _, _ := strings.Cut(is, " ")
		for _, kind := range []string{state, is} {
			if kinds[kind] == nil {
				kinds[kind] = map[string]string{}
			}
			kinds[kind][id] = is
		}
	}
	for kind, want := range kinds {
		f := tasks.Filter{}
		if state, code, _ := strings.Cut(kind, " "); state != "" {
			f.States, f.Code = []tasks.State{tasks.State(state)}, code
		}
		found, _, err := h.queue.Find(ctx, f, h.tasks)
		if err != nil {
			return err
		}
		got := map[string]string{}
		for _, t := range found {
			got[t.ID] = string(t.State) + " " + t.Code
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("%q (-records +lists):\n%s", kind, diff)
		}
	}
	return nil
}

// recordsOf reads all records, each with its state and code.
func recordsOf(ctx context.Context, client *redis.Client) (map[string]string, error) {
	records := map[string]string{}
	keys := client.ScanType(ctx, 0, "dypls:{*}", 1000, "hash").Iterator()
	for keys.Next(ctx) {
		values, err := client.HMGet(ctx, keys.Val(), "state", "code").Result()
		if err != nil {
			return nil, err
		}
		if state, is := values[0].(string); is {
			code, _ := values[1].(string)
			records[strings.TrimSuffix(strings.TrimPrefix(keys.Val(), "dypls:{"), "}")] = state + " " + code
		}
	}
	return records, keys.Err()
}

// entriesOf counts those of the sets of one kind.
func entriesOf(ctx context.Context, client *redis.Client, kind string) (n int, err error) {
	keys := client.ScanType(ctx, 0, "dypls:"+kind+":*", 1000, "zset").Iterator()
	for keys.Next(ctx) {
		some, err := client.ZCard(ctx, keys.Val()).Result()
		if err != nil {
			return 0, err
		}
		n += int(some)
	}
	return n, keys.Err()
}

func tally(records map[string]string) map[string]int {
	counts := map[string]int{}
	for _, is := range records {
		counts[is]++
	}
	return counts
}
