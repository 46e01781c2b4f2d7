package worker

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/agreement"
)

// Config is what a worker needs. Zero values mean the defaults; what else each number may be is
// checked by [New], all of it at once.
type Config struct {
	// Redis says where the tasks are. The worker makes a client of its own, of as many connections as
	// it needs, and closes it.
	Redis tasks.RedisConfig
	// RedisHook sees every command of that client, such as to count those that fail; none by default.
	RedisHook redis.Hook
	// AsynqPlain lets asynq's Servers talk to Redis by themselves: nothing is fetched ahead, and idle
	// Servers poll. It is for an incident in which the shortcuts are in doubt. Guarantees are the
	// same.
	AsynqPlain bool
	// Caller performs the calls, one signed request each. One that has KeyFingerprint(ctx) (string,
	// error), as an aliyun.Client has, lets workers notice that others call for the same account with
	// another key; one that has Endpoint() string, that others call elsewhere.
	Caller dypls.Caller
	Logger zerolog.Logger
	// Trace has functions that are called as things happen, such as for metrics; none by default.
	Trace Trace

	// Concurrency is how many calls this process makes at once: 64 by default, at least one for each
	// queue. Every queue has a share of its own, so that a slow or throttled kind holds no other up.
	Concurrency int
	// Fetchers is how many asynq Servers each queue has: 1 by default, which fetches several tasks in
	// one round trip. Each costs some polls.
	Fetchers int
	// Shards is over how many queues the tasks of each kind are spread, as producers put them, see
	// [tasks.Config]: 1 by default. The queue without shards is served too, and so is every other
	// shard that holds tasks. Concurrency is shared by all of them.
	Shards int
	// MaxAttempts replaces every kind's own number of attempts; 0 leaves them.
	MaxAttempts int
	// HTTPTimeout bounds one call of Caller: 10 s by default. At most 13 s, so that a call is over
	// before its claim lapses and before it is looked for, and 2 s below ShutdownTimeout.
	HTTPTimeout time.Duration
	// ShutdownTimeout is how long a shutdown waits for calls that are out: 20 s by default. What stops
	// the process for good must wait longer.
	ShutdownTimeout time.Duration
	// QPS are ceilings, by the API's name of an action, on the calls a second that all workers
	// together make: the account's quota in the Quota Center, less what other programs use. The
	// published quotas bound an action that is not named. Where workers differ the lowest holds.
	QPS map[string]float64
	// PoolQPS is a ceiling on the calls a second for each pool, of all actions and workers; 0 for
	// none.
	PoolQPS float64
	// Account names the account of Caller, for its quotas and for tasks that name none:
	// [tasks.DefaultAccount] by default. Workers whose Caller has credentials of another account need
	// another name on the same Redis.
	Account string
	// Callers perform the calls of tasks that name an account ([tasks.Account]), by that name. Each
	// account has quotas and breakers of its own, under the same ceilings. A task of an account that
	// is neither here nor in Account waits for another worker.
	Callers map[string]dypls.Caller
	// OnNoNumber is what becomes of a bind for which no number is free: [NoNumberFail] by default.
	OnNoNumber OnNoNumber
	// OnUncertain is what becomes of a bind whose answer was lost and that cannot be looked up:
	// [UncertainHold] by default.
	OnUncertain OnUncertain
	// NumberCooldown is how long a number of an inventory rests after its binding ended, so that
	// nobody's old caller reaches a stranger: 24 h by default. Of those that the running workers have
	// the longest holds.
	NumberCooldown time.Duration
	// WaitReplicas is how many replicas of Redis have to know that a call is about to leave before it
	// does, so that a failover cannot forget it: none by default. They are waited for half a second at
	// most; where fewer answer, the task is tried again later.
	WaitReplicas int
	// Retention is how long a record lives after its end: 24 h by default. A recording's lives until
	// its link expires. Of those that the running workers have the longest holds, of Retention and of
	// StreamRetention.
	Retention time.Duration
	// StreamRetention is how long the ids of finished tasks stay in the stream that
	// [tasks.Queue.Follow] reads: 24 h by default.
	StreamRetention time.Duration
	// Keys seal what Redis keeps of tasks and numbers: nil, the default, seals nothing. Producers and
	// whoever collects outcomes need them, too, see [tasks.Config].
	Keys *tasks.Keys
	// TracerProvider is OpenTelemetry's: where a span of each run that may call goes, and one of each
	// call. nil, the default, traces nothing, see [tasks.Config]. The span of a run is the first of a
	// trace of its own, and linked to the one in which its task was enqueued; where that one is not
	// recorded, neither is what is done about the task.
	TracerProvider trace.TracerProvider

	client redis.UniversalClient // in place of one that Redis leads to: a test's, which closes it
}

// OnUncertain is a policy for binds of which nobody can tell whether they took effect.
type OnUncertain string

const (
	// UncertainHold keeps the task, without limit of time, until a person or later evidence settles
	// it. It is never sent again by itself.
	UncertainHold OnUncertain = "hold"
	// UncertainRetry sends it once more, and marks it: a second number may have been used up. After
	// that it is held.
	UncertainRetry OnUncertain = "retry"
)

// OnNoNumber is a policy for binds for which no number is free.
type OnNoNumber string

const (
	// NoNumberFail tells the owner at once.
	NoNumberFail OnNoNumber = "fail"
	// NoNumberWait keeps the task until a number is freed, or its time is over.
	NoNumberWait OnNoNumber = "wait"
)

const (
	defaultConcurrency     = 64
	defaultFetchers        = 1
	defaultHTTPTimeout     = 10 * time.Second
	defaultShutdownTimeout = 20 * time.Second
	defaultRetention       = 24 * time.Hour

	// leavesWithin is how long after a call was noted its first byte may leave; later it is not sent
	// (the caller's age guard).
	leavesWithin = 2 * time.Second
	// claimLease is how long a run's claim on its task holds: a call, and the time to write down its
	// outcome.
	claimLease = 20 * time.Second
	// defaultReconcileAfter is when a call whose answer was lost can no longer be under way, so that
	// looking for its effect tells something.
	defaultReconcileAfter = 15 * time.Second
	// defaultVerifyAgainAfter is added between two looks: how soon the API shows what was done is not
	// documented.
	defaultVerifyAgainAfter = 30 * time.Second
	// maxCrashes is how many workers may end while performing one task before it is given up.
	maxCrashes = 3
)

func (c Config) withDefaults() Config {
	c.Concurrency = cmp.Or(c.Concurrency, defaultConcurrency)
	c.Fetchers = cmp.Or(c.Fetchers, defaultFetchers)
	c.Shards = cmp.Or(c.Shards, 1)
	c.HTTPTimeout = cmp.Or(c.HTTPTimeout, defaultHTTPTimeout)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, defaultShutdownTimeout)
	c.Retention = cmp.Or(c.Retention, defaultRetention)
	c.StreamRetention = cmp.Or(c.StreamRetention, defaultRetention)
	c.NumberCooldown = cmp.Or(c.NumberCooldown, inventory.DefaultCooldown)
	c.OnUncertain = cmp.Or(c.OnUncertain, UncertainHold)
	c.OnNoNumber = cmp.Or(c.OnNoNumber, NoNumberFail)
	c.Account = cmp.Or(c.Account, tasks.DefaultAccount)
	return c
}

// validate reports every problem at once. Timeouts must nest: a call ends before its claim lapses,
// before the queue gives its delivery up, and before a shutdown stops waiting for it.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.client != nil || c.Redis.URL != "" || c.Redis.ClusterNodes != "", "Redis is missing")
	check(c.Caller != nil, "Caller is missing")
	for _, problem := range c.checkRanges() {
		errs = append(errs, errors.New(problem.String()))
	}
	// A call may start up to leavesWithin after it was noted, and its outcome has to be written while
	// the claim holds.
	check(
		c.HTTPTimeout+leavesWithin+writeTimeout <= claimLease,
		"the HTTP timeout must leave %s of the claim lease of %s: lower it",
		leavesWithin+writeTimeout,
		claimLease,
	)
	check(
		c.HTTPTimeout+leavesWithin <= defaultReconcileAfter,
		"the HTTP timeout must leave %s of the %s after which a lost call is looked for: lower it",
		leavesWithin,
		defaultReconcileAfter,
	)
	check(
		c.HTTPTimeout < dispatch.Timeout,
		"the HTTP timeout must be below the queue's timeout of %s: lower it",
		dispatch.Timeout,
	)
	check(
		c.HTTPTimeout+leavesWithin < c.ShutdownTimeout,
		"the HTTP timeout must be below the shutdown timeout, or a shutdown cuts calls: lower it",
	)
	check(
		c.OnUncertain == UncertainHold || c.OnUncertain == UncertainRetry,
		"on uncertain must be hold or retry",
	)
	check(
		c.OnNoNumber == NoNumberFail || c.OnNoNumber == NoNumberWait,
		"on no number must be fail or wait",
	)
	for action := range c.QPS {
		check(
			slices.Contains(dypls.QuotaActions(), action),
			"a ceiling names the action %q, which is none: write it as the API does, such as BindAxn",
			action,
		)
	}
	errs = append(errs, c.checkAccounts()...)
	return errors.Join(errs...)
}

// checkRanges: what each number and duration may be by itself.
func (c Config) checkRanges() []dypls.Problem {
	problems := slices.Concat(
		setting.Concurrency.Check("Concurrency", c.Concurrency),
		setting.Fetchers.Check("Fetchers", c.Fetchers),
		setting.Shards.Check("Shards", c.Shards),
		setting.MaxAttempts.Check("MaxAttempts", c.MaxAttempts),
		setting.HTTPTimeout.Check("HTTPTimeout", c.HTTPTimeout),
		setting.ShutdownTimeout.Check("ShutdownTimeout", c.ShutdownTimeout),
		setting.NumberCooldown.Check("NumberCooldown", c.NumberCooldown),
		setting.WaitReplicas.Check("WaitReplicas", c.WaitReplicas),
		setting.PoolQPS.Check("PoolQPS", c.PoolQPS),
		setting.Keep.Check("Retention", c.Retention),
		setting.KeepStream.Check("StreamRetention", c.StreamRetention),
	)
	for _, action := range slices.Sorted(maps.Keys(c.QPS)) {
		problems = append(problems, setting.QPS.Check("QPS of "+action, c.QPS[action])...)
	}
	return problems
}

// checkAccounts: a name stands for one account, in every key of Redis and on every worker.
func (c Config) checkAccounts() (errs []error) {
	const rule = asynqwire.AccountRule + ": rename it"
	if !asynqwire.IsAccount(c.Account) {
		errs = append(errs, errors.New("the account's name "+rule))
	}
	for name, caller := range c.Callers {
		switch {
		case !asynqwire.IsAccount(name):
			errs = append(errs, fmt.Errorf("the name of the account %q %s", name, rule))
		case name == c.Account || name == tasks.DefaultAccount:
			errs = append(
				errs,
				fmt.Errorf(
					"the account %s is the one of tasks that name none, which Caller performs: leave it out of Callers",
					name,
				),
			)
		case caller == nil:
			errs = append(errs, fmt.Errorf("the Caller of the account %s is missing", name))
		}
	}
	return errs
}

// located is a caller that names the scheme and host that it calls, as aliyun's does.
type located interface{ Endpoint() string }

// shared are the settings that all workers should have the same, by their variables. One that is
// not set has no entry.
func (c Config) shared() map[string]string {
	rate := func(perSecond float64) string { return strconv.FormatFloat(perSecond, 'f', -1, 64) }
	shared := map[string]string{
		agreement.Cooldown:      setting.Text(c.NumberCooldown),
		agreement.Keep:          setting.Text(c.Retention),
		agreement.KeepStream:    setting.Text(c.StreamRetention),
		"DYPLSQ_ON_UNCERTAIN":   string(c.OnUncertain),
		"DYPLSQ_ON_NO_NUMBER":   string(c.OnNoNumber),
		"DYPLSQ_MAX_ATTEMPTS":   strconv.Itoa(c.MaxAttempts),
		"DYPLSQ_WAIT_REPLICAS":  strconv.Itoa(c.WaitReplicas),
		"DYPLSQ_SHARDS":         strconv.Itoa(c.Shards),
		"worker.Config.Account": c.Account,
		"DYPLSQ_POOL_QPS":       rate(c.PoolQPS),
	}
	for action, ceiling := range c.QPS {
		shared[setting.QPSVariable+strings.ToUpper(action)] = rate(ceiling)
	}
	if caller, is := c.Caller.(located); is {
		shared["DYPLSQ_ENDPOINT"] = caller.Endpoint()
	}
	return shared
}
