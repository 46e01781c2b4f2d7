package worker

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/agreement"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/asynqhost"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/lossguard"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/sampler"
)

// tidiesWithin is how long, at the end of a worker, outcomes may still be told, and slots given
// back. The reaper and the leases of the slots make up for what is not.
const tidiesWithin = 3 * time.Second

// Worker performs tasks. [New] makes one.
type Worker struct {
	config Config // with the worker's client

	ownClient bool // and to be closed

	kinds       map[string]kind // by the task's type, exactly
	records     record.Store
	publisher   *record.Teller
	queue       *tasks.Queue // for tasks that the worker itself has done
	dispatch    *dispatch.Dispatcher
	callsAtOnce map[string]int // calls at once, by queue
	concurrency map[string]*concurrency
	host        *asynqhost.Host
	served      served
	log         zerolog.Logger

	inspector *asynq.Inspector

	numbers    *inventory.Inventory
	timing     timing
	accounts   *accounts
	agreed     *agreement.Agreement
	history    *history.Recorder
	tracer     tracing.Tracer
	waitQuotas map[string]*waitQuota // by queue; none for one account

	lossGuard *lossguard.Guard

	refusals *refusalLog
	phase    atomic.Pointer[Phase]
	sampled  atomic.Int64 // when a time in the queue was last looked up, in ns

	undecryptableLogged atomic.Int64 // when it was last said that a task does not open, in ns

	shortageLogged atomic.Int64 // when it was last said that too few replicas answer, in ns

	running  sync.WaitGroup // deliveries that are being performed
	draining chan struct{}  // closed when no more are begun
	stopped  chan struct{}  // closed when nobody waits for them any longer
}

// lossMargin is added to the longest that a call may be out which Redis forgot.
const lossMargin = 5 * time.Second

// timing holds the waits that a test cannot sit out.
type timing struct {
	claimLease, reconcileAfter, verifyAgainAfter time.Duration
	probeFirst, probeMost, probeLease            time.Duration // 0 for the breaker's own
	startCalls                                   int           // 0 for breaker.SlowStart's own
	lossPause                                    time.Duration // 0 for what New takes
	unknownAccountAgain                          time.Duration // 0 for its own
	undecryptableAgain                           time.Duration // 0 for its own
}

// New checks the configuration and registers every kind of task. It connects to nobody yet.
func New(config Config) (*Worker, error) {
	return newTimed(
		config,
		timing{
			claimLease:       claimLease,
			reconcileAfter:   defaultReconcileAfter,
			verifyAgainAfter: defaultVerifyAgainAfter,
		},
	)
}

func newTimed(config Config, timing timing) (*Worker, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	own := config.client == nil
	client, err := config.dial()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	config.client = client
	queue, err := tasks.New(
		tasks.Config{
			Client: client, WaitReplicas: config.WaitReplicas, Shards: config.Shards, Keys: config.Keys,
			TracerProvider: config.TracerProvider,
		},
	)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	w := &Worker{
		config:    config,
		ownClient: own,
		kinds:     map[string]kind{},
		log:       config.Logger,
		draining:  make(chan struct{}),
		stopped:   make(chan struct{}),
		queue:     queue,
		inspector: asynq.NewInspectorFromRedisClient(config.client),
		numbers: inventory.New(config.client, config.NumberCooldown).
			WithReplicas(config.WaitReplicas).
			WithKeys(config.Keys),
		timing: timing,
	}
	store := record.NewStore(config.client).WithReplicas(config.WaitReplicas).WithKeys(config.Keys)
	if config.Shards > 1 {
		store = store.WithShardedWakeUps()
	}
	w.publisher, w.records = record.NewTeller(store)
	w.dispatch = dispatch.New(dispatch.Config{
		Redis:   config.client,
		Records: store,
		Shards:  config.Shards,
		QueueOf: queueOfAction,
		Now:     time.Now,
	})
	w.callsAtOnce = shares(dispatch.Queues(), config.Concurrency)
	w.concurrency = newConcurrency(w.callsAtOnce)
	w.host = asynqhost.New(config.client, asynqhost.Config{Slots: performedOf(w.callsAtOnce)})
	w.served.names = ownQueues(config.Shards)
	w.lossGuard = lossguard.New(lossguard.Config{
		Redis: config.client, Replicas: config.WaitReplicas, Log: w.log, OnLoss: config.Trace.DataLost,
		Pause: cmp.Or(timing.lossPause, timing.claimLease+config.HTTPTimeout+lossMargin),
	})
	w.refusals = &refusalLog{log: config.Logger}
	w.history = history.NewRecorder(config.client, time.Now)
	w.config.Trace = w.config.Trace.recorded(w.history, config.Account)
	w.tracer = tracing.New(config.TracerProvider)
	w.enter(Starting)
	w.hookUp()
	w.accounts = newAccounts(w)
	w.agreed = agreement.New(agreement.Config{
		Redis: config.client, Log: w.log, Settings: config.shared(), OnCooldown: w.numbers.SetCooldown,
		NumberCooldown: config.NumberCooldown, Keep: config.Retention, KeepStream: config.StreamRetention,
	})
	w.waitQuotas = newWaitQuotas(w.callsAtOnce, len(w.accounts.byName))
	register(w, tasks.BindAXN)
	register(w, tasks.BindAXB)
	register(w, tasks.BindAXNExtension)
	register(w, tasks.BindAXG)
	register(w, tasks.UnbindSubscription)
	register(w, tasks.UpdateSubscription)
	register(w, tasks.QueryRecordFileDownloadURL)
	return w, nil
}

// Run performs tasks until ctx is done, then waits for the calls that are out, at most the shutdown
// timeout. While Redis is out of reach, or refuses, it keeps trying and says so: who runs Redis may
// mend it meanwhile. It may be called once. It ends within the shutdown timeout and 8 s, whatever
// Redis does. Where it logs that the shutdown timed out, the process is to end: its connections to
// Redis stay open, as asynq's Servers still use them, and panic when they are closed.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.awaitRedis(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if !w.config.AsynqPlain {
		w.host.Listen()
	}
	w.agreed.Refresh(ctx) // before the first task
	var servers []server
	for _, name := range w.served.all() {
		started, err := w.serve(name)
		servers = append(servers, started...)
		if err != nil {
			return fmt.Errorf("worker: start: %w", err)
		}
	}
	adopted := make(chan []server, 1)
	go func() { adopted <- w.adopt(ctx) }()
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	var housekeeping sync.WaitGroup
	housekeeping.Go(func() { w.publisher.Run(keeping) })
	housekeeping.Go(func() { w.accounts.run(keeping) })
	housekeeping.Go(func() { w.agreed.Run(keeping) })
	housekeeping.Go(func() { w.lossGuard.Run(keeping) })
	housekeeping.Go(func() { w.history.Run(keeping) })
	housekeeping.Go(func() { w.declareQueues(keeping) })
	housekeeping.Go(func() { w.sweepNumbers(keeping) })
	housekeeping.Go(func() { w.newReaper().Run(ctx) }) // while it drains, others reap
	w.enter(Performing)
	w.log.Info().
		Int("concurrency", w.config.Concurrency).
		Strs("queues", dispatch.Queues()).
		Int("shards", w.config.Shards).
		Strs("accounts", w.accounts.names()).
		Msg("performing tasks")
	<-ctx.Done()
	w.enter(Draining)
	close(w.draining)
	w.log.Info().
		Stringer("at_most", w.config.ShutdownTimeout).
		Msg("draining: no new tasks; waiting for in-flight calls")
	// The calls that are out end within the timeout; what has to be written down gets a moment more.
	// What fails to be put back shares it.
	patience, cancel := context.WithTimeout(
		context.WithoutCancel(ctx),
		w.config.ShutdownTimeout+writeTimeout,
	)
	defer cancel()
	select {
	case more := <-adopted:
		servers = append(servers, more...)
	case <-patience.Done():
	}
	w.putBack(patience)
	drained := w.drain(patience, servers)
	stopKeeping()
	await(&housekeeping, tidiesWithin)
	if drained && w.ownClient {
		_ = w.config.client.Close()
	}
	w.log.Info().Msg("drained")
	return nil
}

// newReaper returns what finds tasks that any worker left half-way.
func (w *Worker) newReaper() *reaper.Reaper {
	return reaper.New(reaper.Config{
		Redis:      w.config.client,
		Records:    w.records,
		Queue:      w.queue,
		Dispatch:   w.dispatch,
		Log:        w.log.With().Str("component", "reaper").Logger(),
		ClaimLease: w.timing.claimLease,
		AfterClaim: afterClaim,
		Keep:       w.agreed.Keep,
		KeepStream: w.agreed.KeepStream,
		Sample: sampler.New(sampler.Config{
			Redis: w.config.client, Shards: w.config.Shards, Actions: w.actions(), Numbers: w.numbers,
			Now: time.Now,
		}).Sample,
	})
}

// putBack gives back what was fetched ahead, before anything else: others can perform it.
func (w *Worker) putBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := w.host.Close(ctx); err != nil {
		w.log.Warn().Err(err).Msg("prefetched tasks not requeued; left to the reaper")
	}
}

func (w *Worker) enter(p Phase) { w.phase.Store(&p) }

// drain stops every server and waits, as long as it has patience, for the deliveries, which outlive
// their server when Redis is away. It reports whether nobody is left.
func (w *Worker) drain(patience context.Context, servers []server) (drained bool) {
	var stopping sync.WaitGroup
	for _, s := range servers {
		stopping.Go(s.Shutdown)
	}
	finished := make(chan struct{})
	go func() {
		stopping.Wait()
		w.running.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		drained = true
	case <-patience.Done():
		w.log.Error().Msg("shutdown timed out; outcomes not written to Redis")
	}
	close(w.stopped)
	return drained
}

// await waits for what ends soon, and no longer than that: what it leaves behind others make up
// for.
func await(all *sync.WaitGroup, within time.Duration) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(within):
	}
}

// queueOfAction returns the queue that delivers an action's tasks.
func queueOfAction(action string) (queue string, known bool) {
	kind, known := tasks.Lookup(action)
	return kind.Queue(), known
}
