package worker

import (
	"cmp"
	"context"
	_ "embed" // the script
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

const (
	// witnessKey counts up as long as Redis remembers. It never looks like a record's key, which begins with dypls:{ whatever the id.
	witnessKey = "dypls:witness"
	// witnessEvery is how often each worker raises it: of what Redis forgets, so much at most goes unnoticed.
	witnessEvery = 500 * time.Millisecond
	// forgotMargin is added to the longest that a call from before may be out.
	forgotMargin = 5 * time.Second
)

var (
	//go:embed lua/witness.lua
	witnessLua    string
	witnessScript = redis.NewScript(witnessLua)
)

// witness notices that Redis came back with less than it had: a copy that is older, a replica that lagged behind, nothing at
// all. A bind whose note was forgotten may be out although its record says queued, so binds then pause, in all workers, until
// every claim from before has lapsed and every outcome that is on its way has arrived.
//
// It is a hook, too, which counts connections: whatever a Redis forgets, it forgets while nobody is connected to it. A bind
// that was noted over a connection made since the witness was asked last leaves only after it has been asked again.
type witness struct {
	worker   *Worker
	redis    redis.UniversalClient
	replicas int
	log      zerolog.Logger

	dialed  atomic.Int64              // connections made so far
	checked atomic.Int64              // of these, when the witness was asked last
	until   atomic.Pointer[time.Time] // when binds may leave again; nil for at once

	mu     sync.Mutex // one asks at a time
	seen   int64      // the largest value, which Redis must not fall behind
	server string     // the run_id of the Redis, "" where it does not tell
}

func newWitness(w *Worker) *witness {
	return &witness{worker: w, redis: w.config.client, replicas: w.config.WaitReplicas, log: w.log}
}

// DialHook implements [redis.Hook].
func (w *witness) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			w.dialed.Add(1)
		}
		return conn, err
	}
}

// ProcessHook implements [redis.Hook].
func (*witness) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (*witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// run raises the witness until ctx is done. A Redis that is out of reach is told of elsewhere.
func (w *witness) run(ctx context.Context) {
	tick := time.NewTicker(witnessEvery)
	defer tick.Stop()
	for {
		_ = w.raise(ctx, w.checked.Load()+1)
		if until := w.until.Load(); until != nil && time.Now().After(*until) && w.until.CompareAndSwap(until, nil) {
			w.log.Info().Msg("binds go on: calls from before redis forgot are over")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// left is how long binds still pause, as far as this worker knows.
func (w *witness) left() time.Duration {
	until := w.until.Load()
	if until == nil {
		return 0
	}
	return max(time.Until(*until), 0)
}

// ask is left, once the witness was asked over every connection there is.
func (w *witness) ask(ctx context.Context) (time.Duration, error) {
	if dialed := w.dialed.Load(); w.checked.Load() < dialed {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		if err := w.raise(ctx, dialed); err != nil {
			return 0, err
		}
	}
	return w.left(), nil
}

// pause is how long a call that was noted before may be out, or its outcome on the way.
func (w *witness) pause() time.Duration {
	own := w.worker.timing.claimLease + w.worker.config.HTTPTimeout + forgotMargin
	return cmp.Or(w.worker.timing.forgotPause, own)
}

// raise asks the witness, unless somebody has since that many connections were made.
func (w *witness) raise(ctx context.Context, since int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	dialed, checked := w.dialed.Load(), w.checked.Load()
	if checked >= since {
		return nil
	}
	raised, replicated, server := w.send(ctx, dialed != checked)
	reply, err := raised.Int64Slice()
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	value, left, noticed := reply[0], time.Duration(reply[1])*time.Millisecond, reply[2] == 1
	if left > 0 {
		w.hold(left, noticed)
	}
	w.meet(server, noticed)
	// What too few replicas have may be missing after a failover that lost no note of a call.
	if replicated {
		w.seen = max(w.seen, value)
	}
	w.checked.Store(max(dialed, checked))
	return nil
}

// send raises the witness, and tells whether as many replicas as wanted have it. Who the Redis is a single one alone is asked.
func (w *witness) send(ctx context.Context, meet bool) (raised *redis.Cmd, replicated bool, server *redis.StringCmd) {
	raised, shortage := replicas.Run(ctx, w.redis, w.replicas, witnessScript, []string{witnessKey}, w.seen, w.pause().Milliseconds())
	if _, cluster := w.redis.(*redis.ClusterClient); meet && !cluster {
		server = w.redis.Info(ctx, "server")
	}
	return raised, shortage == nil, server
}

// hold has binds pause, and says so once.
func (w *witness) hold(left time.Duration, noticed bool) {
	until := time.Now().Add(left)
	if w.until.Swap(&until) != nil {
		return
	}
	w.worker.config.Observer.Forgot()
	w.log.Error().Bool("noticed_here", noticed).Int64("witness", w.seen).Stringer("binds_pause", left.Round(time.Second)).
		Msg("redis came back with less than it had: tasks, outcomes and notes of calls may be missing; binds pause until calls from before are over")
}

// meet tells that another Redis answers than before, where Redis tells who it is.
func (w *witness) meet(info *redis.StringCmd, forgot bool) {
	if info == nil || info.Err() != nil {
		return
	}
	_, rest, _ := strings.Cut(info.Val(), "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	if w.server != "" && w.server != id && !forgot {
		w.log.Warn().Msg("redis was restarted, or another one took over: as far as can be told, nothing is missing")
	}
	w.server = id
}

// recall holds a bind while binds pause.
func (d *delivery) recall() error {
	if left := d.worker.witness.left(); left > 0 && d.kind.once() {
		return &heldError{delay: left, reason: forgotten}
	}
	return nil
}

// recallSince holds a bind that was noted by a Redis that has not been asked yet what it remembers.
func (d *delivery) recallSince(ctx context.Context) error {
	if !d.kind.once() {
		return nil
	}
	left, err := d.worker.witness.ask(ctx)
	switch {
	case err != nil:
		return later(redisAway, "redis is out of reach")
	case left > 0:
		return later(left, forgotten)
	}
	return nil
}

// forgotten is why a bind pauses.
const forgotten = "redis came back with less than it had: calls from before may be out"
