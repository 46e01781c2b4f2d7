package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// dial makes the worker's own client.
func (c Config) dial() (redis.UniversalClient, error) { //nolint:ireturn // one server, or many
	if c.client != nil {
		return c.client, nil
	}
	config := c.Redis
	config.PoolSize = max(config.PoolSize, c.poolSize())
	return config.Client()
}

// poolSize is enough connections, whatever the shards: nearly all commands share pipelines.
func (c Config) poolSize() int {
	// of one asynq Server: heartbeat, forwarder, recoverer, janitor, syncer, cancelations
	const background = 6
	return c.Concurrency + len(dispatch.Queues())*c.Fetchers*background
}

// hookUp adds the hooks of the worker's client, once. The first is the outermost: a command is
// looked at by itself before it shares a pipeline.
func (w *Worker) hookUp() {
	client := w.config.client
	if w.config.RedisHook != nil {
		client.AddHook(w.config.RedisHook)
	}
	client.AddHook(w.refusals)
	client.AddHook(w.lossGuard)
	client.AddHook(autopipeline.New(client))
	sendonce.Install(client)
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	logEvery     = 10 * time.Second
	declareEvery = 30 * time.Second
	noEviction   = "noeviction"
)

// untilWritten tries step until Redis answers, or nobody waits for this worker any longer. That ctx
// is done ends nothing: what is to be written down concerns a call that has left, or may have been
// granted. An inventory that is sealed, of which this worker has no keys, is left at once.
func (w *Worker) untilWritten(
	ctx context.Context,
	id, what string,
	step func(context.Context) error,
) error {
	var said time.Time
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		tryCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		err := step(tryCtx)
		cancel()
		if err == nil {
			return nil
		}
		if errors.Is(err, inventory.ErrSealed) { // another worker has the keys
			return err
		}
		if _, refused := refusal.Of(err); refused { // of every task alike: told once
			w.refusals.note(err)
		} else if time.Since(said) > logEvery {
			said = time.Now()
			w.log.Warn().Str("id", id).Str("step", what).Err(err).Msg("write to Redis failed; retrying")
		}
		select {
		case <-w.stopped:
			return err
		case <-time.After(pause):
		}
	}
}

// awaitRedis waits until Redis takes what a worker writes, and refuses one that may throw tasks
// away. It waits for one that refuses, too, whatever the reason: a password is rotated, a replica
// is promoted, and a worker that had given up would be missing.
func (w *Worker) awaitRedis(ctx context.Context) error {
	var said time.Time
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		pingCtx, cancel := context.WithTimeout(ctx, writeTimeout)
		err := w.writeQueueNames(pingCtx)
		cancel()
		if err == nil {
			return w.checkEviction(ctx)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to end while waiting: no failure
		}
		if _, refused := refusal.Of(err); refused {
			w.refusals.note(err)
		} else if time.Since(said) > logEvery {
			said = time.Now()
			w.log.Warn().Err(tasks.RedisError(err)).Msg("Redis unreachable; retrying")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// checkEviction: a Redis that evicts keys when memory is short loses tasks and outcomes without a
// word.
func (w *Worker) checkEviction(ctx context.Context) error {
	if cluster, ok := w.config.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
			return w.checkEvictionOf(ctx, master)
		})
	}
	return w.checkEvictionOf(ctx, w.config.client)
}

func (w *Worker) checkEvictionOf(ctx context.Context, server redis.Cmdable) error {
	settings, err := server.ConfigGet(ctx, "maxmemory-policy").Result()
	policy, told := settings["maxmemory-policy"]
	if err != nil || !told {
		w.log.Warn().Msg("maxmemory-policy not readable; make sure that it is noeviction")
		return nil //nolint:nilerr // managed editions hide their settings
	}
	if policy != noEviction {
		return fmt.Errorf(
			"worker: redis has maxmemory-policy %s and would throw tasks away when memory is short: set it to %s",
			policy,
			noEviction,
		)
	}
	return nil
}

// writeQueueNames is the smallest thing that a worker writes.
func (w *Worker) writeQueueNames(ctx context.Context) error {
	serving := w.served.all()
	names := make([]any, len(serving))
	for i, name := range serving {
		names[i] = name
	}
	return w.config.client.SAdd(ctx, asynqwire.Queues, names...).Err()
}

// declareQueues keeps asynq's list of queues whole: asynq itself writes a name once per process,
// and a failover may lose it.
func (w *Worker) declareQueues(ctx context.Context) {
	tick := time.NewTicker(declareEvery)
	defer tick.Stop()
	for {
		err := w.writeQueueNames(ctx)
		if _, refused := refusal.Of(err); err != nil && !refused &&
			ctx.Err() == nil { // refusals are told of once
			w.log.Warn().Err(err).Msg("queue names not written; retrying")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// logReplicaShortage says that calls do not leave, now and then: each of them would be too much.
func (w *Worker) logReplicaShortage(shortage *record.ShortageError) {
	last := w.shortageLogged.Load()
	if now := time.Now().
		UnixNano(); now-last > int64(logEvery) &&
		w.shortageLogged.CompareAndSwap(last, now) {
		w.log.Error().
			Err(shortage).
			Msg("too few replicas acknowledge; holding calls, retrying every few seconds")
	}
}

// takesAgain is how long no script must have been refused before Redis counts as taking them again.
const takesAgain = 3 * time.Second

// refusalLog is a hook that says once that Redis refuses, in its own sentence, and once that it
// does no longer: asynq would say it in words of its own, of every queue, every few seconds.
type refusalLog struct {
	log zerolog.Logger

	mu     sync.Mutex
	said   string // the refusal that was told; "" for none
	latest time.Time
}

// DialHook implements [redis.Hook].
func (*refusalLog) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return next(ctx, network, addr)
	}
}

// ProcessHook implements [redis.Hook]. Only scripts count: other commands may be some that a
// managed edition hides.
func (l *refusalLog) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			l.note(err)
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (*refusalLog) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// note takes in how a command ended.
func (l *refusalLog) note(err error) {
	refused, is := refusal.Of(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case is && l.said != refused.Code:
		l.said, l.latest = refused.Code, time.Now()
		l.log.Error().
			Str("code", refused.Code).
			Bool("lasting", refused.Lasting).
			Msg("Redis refuses commands; retrying: " + refused.Error())
	case is:
		l.latest = time.Now()
	case err == nil && l.said != "" && time.Since(l.latest) > takesAgain:
		l.said = ""
		l.log.Info().Msg("Redis accepts commands again")
	}
}
