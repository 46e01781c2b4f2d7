// Package systemtest runs the whole system for a test: a real redis-server, the simulator behind
// real HTTP, and real processes of dyplsq, which are killed, frozen and asked as in service. What
// the simulator really did is the measure of what was told.
//
// The tests of the command itself and those of test/e2e use it. [Main] and [MainOf] say which
// binary the processes run.
package systemtest

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// StartWithin is how long a test waits at the most for what takes a moment.
const StartWithin = 2 * time.Minute

// System is a Redis and a simulator, with the environment in which processes of dyplsq use both.
type System struct {
	Redis     *redistest.Server
	Simulator *dyplstest.Simulator
	Env       []string
}

// New is a system on a Redis of its own, which is started with these arguments.
func New(t *testing.T, config dyplstest.Config, redisArgs ...string) *System {
	t.Helper()
	return NewOn(t, redistest.Start(t, redisArgs...), config)
}

// NewOn is a system on a Redis that is up.
func NewOn(t *testing.T, redis *redistest.Server, config dyplstest.Config) *System {
	t.Helper()
	s := NewSimulated(t, config, redis.Env()...)
	s.Redis = redis
	return s
}

// NewAt is a system on a Redis of any kind, which this environment names. It has no Redis that a
// test could end.
func NewAt(t *testing.T, redisEnv ...string) *System {
	t.Helper()
	return NewSimulated(t, dyplstest.Config{}, redisEnv...)
}

// NewSimulated is NewAt with an API of this configuration.
func NewSimulated(t *testing.T, config dyplstest.Config, redisEnv ...string) *System {
	t.Helper()
	server := dyplstest.Start(t, config)
	return &System{Simulator: server.Simulator, Env: CleanEnv(append(
		redisEnv,
		"DYPLSQ_ENDPOINT="+server.URL(),
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+server.AccessKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET="+server.AccessKeySecret,
	)...)}
}

// Worker starts a worker and waits until it performs tasks.
func (s *System) Worker(t *testing.T) *Process {
	t.Helper()
	p := Start(t, s.Env, "worker")
	redistest.Poll(t, StartWithin, "the worker to be up", p.Wrote("performing tasks"))
	return p
}

// ObservedWorker starts a worker with metrics and health, and returns the address of both.
func (s *System) ObservedWorker(t *testing.T, args ...string) (p *Process, url string) {
	t.Helper()
	p = Start(
		t,
		append(slices.Clone(s.Env), "DYPLSQ_METRICS_LISTEN=127.0.0.1:0"),
		append([]string{"worker"}, args...)...)
	redistest.Poll(t, StartWithin, "the worker to listen", p.Wrote("/metrics"))
	return p, regexp.MustCompile(`"url":"(http://[^"]*)/metrics"`).FindStringSubmatch(p.Text())[1]
}

// Enqueue runs dyplsq enqueue, with --json, and returns the outcomes.
func (s *System) Enqueue(t *testing.T, wantStatus int, args ...string) []tasks.Outcome {
	t.Helper()
	r := Run(t, s.Env, "", append([]string{"enqueue", "--json"}, args...)...)
	if r.Status != wantStatus {
		t.Fatalf(
			"dyplsq enqueue %s: exit status %d, want %d\n%s%s",
			args[0],
			r.Status,
			wantStatus,
			Tail(r.Out),
			Tail(r.Errors),
		)
	}
	return ReadOutcomes(t, r.Out)
}

// EnqueueBatch enqueues JSON Lines, which are requests that have no outcome yet.
func (s *System) EnqueueBatch(t *testing.T, action, lines string, args ...string) {
	t.Helper()
	if r := Run(
		t,
		s.Env,
		lines,
		append([]string{"enqueue", action, "-"}, args...)...); r.Status != StatusOK {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, Tail(r.Errors))
	}
}

// Outcome runs dyplsq result and returns the outcome.
func (s *System) Outcome(t *testing.T, id, wait string) tasks.Outcome {
	t.Helper()
	r := Run(t, s.Env, "", "result", id, "--json", "--wait", wait)
	outcomes := ReadOutcomes(t, r.Out)
	if len(outcomes) != 1 {
		t.Fatalf(
			"dyplsq result %s: exit status %d, %d outcomes\n%s",
			id,
			r.Status,
			len(outcomes),
			r.Errors,
		)
	}
	return outcomes[0]
}

// AsynqRedis is where asynq's own dashboard finds the system's Redis.
func (s *System) AsynqRedis() asynq.RedisClientOpt {
	user, password, config := s.Redis.Login()
	return asynq.RedisClientOpt{
		Addr:      s.Redis.Addr,
		Username:  user,
		Password:  password,
		TLSConfig: config,
	}
}
