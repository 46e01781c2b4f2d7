package failover

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	failoverWorkers   = 3
	producersAtOnce   = 64
	enqueueAgainAfter = 50 * time.Millisecond
	waiterEach        = 16 // of so many tasks, one is waited for by whoever enqueued it
	failoverSettledIn = 4 * time.Minute
	mostJobs          = 60_000
)

// load is binds at a steady rate, from an application that repeats what failed under the same key,
// and all that it was told. Half of the binds name their X, a quarter gets one from the inventory,
// and of one in a hundred of these the answer is lost. The rest leave X to the platform, and no
// answer of theirs is lost. So none of all has an excuse for being uncertain.
type load struct {
	*systemtest.System

	config tasks.RedisConfig
	rate   int
	shards int
	queue  *tasks.Queue
	named  []dypls.Phone

	started   time.Time
	taken     atomic.Int64 // jobs
	ended     atomic.Bool
	endedAt   time.Time
	producing sync.WaitGroup
	hearing   sync.WaitGroup
	deaf      context.CancelFunc

	mu           sync.Mutex
	acknowledged map[string]time.Time
	refused      int // enqueues that failed, and were repeated
	told         map[string]tasks.Outcome
	changed      []string // told twice, and not the same
	kills        []time.Time
}

// newLoad starts workers on a Redis, and nothing else yet.
func newLoad(t *testing.T, config tasks.RedisConfig, rate, shards int) *load {
	t.Helper()
	named, owned := dyplstest.Numbers("171", mostJobs/2), dyplstest.Numbers("173", mostJobs/4)
	pools := []dyplstest.Pool{{Key: systemtest.NamedPool, Numbers: named}, {Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("172", mostJobs/4)}}
	var faults []dyplstest.Fault
	shares := slices.Collect(slices.Chunk(owned, len(owned)/len(ownPools)))
	for i, pool := range ownPools {
		pools = append(pools, dyplstest.Pool{Key: pool, Numbers: shares[i]})
	}
	for _, pool := range append([]string{systemtest.NamedPool}, ownPools...) {
		faults = append(faults, dyplstest.Fault{
			Action: "BindAxn", Match: map[string]string{"PoolKey": pool}, Do: dyplstest.DropAfter, Rate: 0.01, First: 1,
		})
	}
	// all others
	faults = append(faults, dyplstest.Fault{Do: dyplstest.Slow, Delay: 30 * time.Millisecond})
	server := dyplstest.Start(t, dyplstest.Config{Pools: pools, Faults: faults, Seed: 7, LedgerLimit: -1})
	l := &load{
		System: &systemtest.System{Simulator: server.Simulator, Env: systemtest.CleanEnv(
			"REDIS_URL="+config.URL, "REDIS_CLUSTER_NODES="+config.ClusterNodes, "DYPLSQ_WAIT_REPLICAS=1", "DYPLSQ_ENDPOINT="+server.URL(),
			"ALIBABA_CLOUD_ACCESS_KEY_ID="+server.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+server.AccessKeySecret,
			"DYPLSQ_SHARDS="+strconv.Itoa(shards),
		)},
		config: config, rate: rate, shards: shards, named: named, acknowledged: map[string]time.Time{}, told: map[string]tasks.Outcome{},
	}
	l.queue = l.newQueue(t)
	for i, pool := range ownPools {
		var numbers strings.Builder
		for _, x := range shares[i] {
			fmt.Fprintln(&numbers, string(x))
		}
		if r := systemtest.Run(t, l.Env, numbers.String(), "numbers", "import", pool, "-"); r.Status != systemtest.StatusOK {
			t.Fatalf("numbers import: exit status %d: %s", r.Status, r.Errors)
		}
	}
	for range failoverWorkers {
		l.Worker(t)
	}
	return l
}

// newQueue is an application of its own.
func (l *load) newQueue(t *testing.T) *tasks.Queue {
	t.Helper()
	config := l.config
	config.PoolSize = 2 * producersAtOnce
	client, err := config.Client()
	if err != nil {
		t.Fatal(err)
	}
	queue := queuetest.New(t, tasks.Config{Client: client, WaitReplicas: 1, Shards: l.shards})
	t.Cleanup(func() { _, _ = queue.Close(), client.Close() })
	return queue
}

// start has jobs enqueued, waited for and followed.
func (l *load) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.started, l.deaf = time.Now(), cancel
	t.Cleanup(func() { l.ended.Store(true); cancel(); l.producing.Wait(); l.hearing.Wait() })
	follower := l.newQueue(t)
	l.hearing.Go(func() {
		for ctx.Err() == nil { // it may not be able to join while a master is away
			_ = follower.Follow(ctx, "judge", "one", func(_ context.Context, o tasks.Outcome) error { l.hear(o); return nil })
		}
	})
	for range producersAtOnce {
		l.producing.Go(func() { l.produce(ctx) })
	}
}

func (l *load) produce(ctx context.Context) {
	for !l.ended.Load() {
		n := l.taken.Add(1) - 1
		due := l.started.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		if n >= mostJobs || !until(ctx, due) {
			return
		}
		id, request := jobID(n), l.request(n)
		for {
			_, err := tasks.BindAXN.Enqueue(ctx, l.queue, request, tasks.TaskID(id))
			l.acknowledge(id, err)
			if err == nil {
				break
			}
			if !until(ctx, time.Now().Add(enqueueAgainAfter)) {
				return
			}
		}
		if n%waiterEach == 0 {
			l.hearing.Go(func() {
				if o, err := l.queue.Wait(ctx, id); err == nil {
					l.hear(o)
				}
			})
		}
	}
}

// until reports false when ctx is over before.
func until(ctx context.Context, moment time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(moment)):
		return true
	}
}

func (l *load) acknowledge(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.refused++
		return
	}
	l.acknowledged[id] = time.Now()
}

func (l *load) hear(o tasks.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, twice := l.told[o.ID]; twice && !sameOutcome(before, o) {
		l.changed = append(l.changed, fmt.Sprintf("%s: %s %s, then %s %s", o.ID, before.State, before.Code, o.State, o.Code))
	}
	l.told[o.ID] = o
}

func sameOutcome(a, b tasks.Outcome) bool {
	return a.State == b.State && a.Code == b.Code && string(a.Result) == string(b.Result)
}

// calm waits for a while of load, and for outcomes of what was enqueued after its beginning.
func (l *load) calm(t *testing.T, d time.Duration) {
	t.Helper()
	from, first := time.Now(), l.taken.Load()
	redistest.Poll(t, d+systemtest.StartWithin, "a while of load to pass", systemtest.Passes(d, from))
	redistest.Poll(t, failoverSettledIn, "load to be served", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for n := first; n < l.taken.Load(); n++ {
			if _, told := l.told[jobID(n)]; told {
				return nil
			}
		}
		return fmt.Errorf("%d were told", len(l.told))
	})
}

// killed notes the moment of a kill.
func (l *load) killed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills = append(l.kills, time.Now())
}

// end has no more jobs enqueued, and waits until each is acknowledged, has its outcome, and was
// told.
func (l *load) end(t *testing.T) []tasks.Outcome {
	t.Helper()
	l.endedAt = time.Now()
	l.ended.Store(true)
	ended := make(chan struct{})
	go func() { l.producing.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(failoverSettledIn):
		t.Fatal("Redis does not take what is enqueued")
	}
	l.mu.Lock()
	ids := make([]string, 0, len(l.acknowledged))
	for id := range l.acknowledged {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	outcomes := l.outcomesOf(t, ids)
	redistest.Poll(t, failoverSettledIn, "every outcome to be told", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, id := range ids {
			if _, told := l.told[id]; !told {
				return fmt.Errorf("%d of %d were; %s was not", len(l.told), len(ids), id)
			}
		}
		return nil
	})
	l.deaf()
	return outcomes
}

func (l *load) outcomesOf(t *testing.T, left []string) (outcomes []tasks.Outcome) {
	t.Helper()
	defer func() {
		for _, id := range left[:min(len(left), 3)] {
			r := systemtest.Run(t, l.Env, "", "explain", id)
			t.Log(r.Out, r.Errors)
		}
	}()
	redistest.Poll(t, failoverSettledIn, "every task to have its outcome", func(ctx context.Context) error {
		found, err := l.queue.Outcomes(ctx, left...)
		if err != nil {
			return fmt.Errorf("%d have none: %w", len(left), err)
		}
		left = nil
		for _, o := range found {
			if o.State == tasks.StatePending || o.State == tasks.StateUnknown {
				left = append(left, o.ID)
			} else {
				outcomes = append(outcomes, o)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("%d have none, such as %s", len(left), left[0])
		}
		return nil
	})
	return outcomes
}
