package worker

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// refreshEvery is how often each worker looks which breakers are open, beside hearing of it.
const refreshEvery = 10 * time.Second

// traffic decides when a call of an account may leave: the rate limiter and the breaker, which all
// workers of the account share.
type traffic struct {
	worker  *Worker
	account string
	limiter *quota.Limiter
	breaker *breaker.Breaker

	log             zerolog.Logger
	notSharedLogged atomic.Int64 // when it was last said that the quotas are not shared, in ns
}

func newTraffic(w *Worker, account string) *traffic {
	c := w.config
	t := &traffic{worker: w, account: account, log: accountLog(c, account)}
	t.breaker = breaker.New(breaker.Config{
		Redis:   c.client,
		Account: account,
		Log:     t.log,
		First:   cmp.Or(w.timing.probeFirst, deniedBase),
		Most:    cmp.Or(w.timing.probeMost, deniedCap),
		Lease:   w.timing.probeLease,
		Persist: func(ctx context.Context, step func(context.Context) error) error {
			return w.untilWritten(ctx, "", "breaker", step)
		},
	})
	t.limiter = quota.New(
		quota.Config{
			Redis:     c.client,
			Account:   account,
			Ceilings:  c.QPS,
			PoolQPS:   c.PoolQPS,
			NotShared: t.logNotShared,
		},
	)
	return t
}

// logNotShared says now and then that the quotas are not shared at the moment.
func (t *traffic) logNotShared(bucket string, err error) {
	last := t.notSharedLogged.Load()
	if now := time.Now().
		UnixNano(); now-last > int64(logEvery) &&
		t.notSharedLogged.CompareAndSwap(last, now) {
		t.log.Warn().
			Str("budget", bucket).
			Err(err).
			Msg("quota unavailable (Redis unreachable); continuing with part of the last known rate")
	}
}

// permit is leave for one call: tokens of the buckets that it draws on, and the breakers whose
// probe it is.
type permit struct {
	traffic *traffic
	action  string
	pool    string
	run     string
	tokens  []reserved
	probes  []string
	used    bool // used, or given back
	waited  time.Duration

	deniedFor time.Duration // after a denial: when to try again
}

type reserved struct {
	bucket *quota.Bucket
	token  quota.Token
}

// admit waits for leave to call, unless it is evicted. The error says when to come back, or is the
// context's.
func (t *traffic) acquirePermit(
	ctx context.Context,
	evict <-chan struct{},
	action, pool, run string,
) (*permit, error) {
	probes, err := t.breaker.Allow(ctx, breaker.Call{Action: action, Pool: pool, Run: run})
	if err != nil {
		return nil, orRedisAway(err)
	}
	p := &permit{traffic: t, action: action, pool: pool, run: run, probes: probes}
	asked := time.Now()
	for _, b := range []*quota.Bucket{t.limiter.Pool(pool), t.limiter.Action(action)} {
		if b == nil {
			continue
		}
		one, err := b.Acquire(ctx, evict)
		if err != nil {
			p.release(ctx)
			return nil, err
		}
		p.tokens = append(p.tokens, reserved{b, one})
	}
	p.waited = time.Since(asked)
	t.worker.config.Trace.quotaWaited(
		QuotaWait{Account: t.account, Action: action, Waited: p.waited},
	)
	if len(probes) == 0 { // something may have been opened meanwhile
		if err := t.breaker.Check(action, pool); err != nil {
			p.release(ctx)
			return nil, err
		}
	}
	return p, nil
}

// release returns a permit that was not used. It may be called at any time.
func (p *permit) release(ctx context.Context) {
	if p == nil || p.used {
		return
	}
	p.used = true
	for _, r := range p.tokens {
		r.bucket.Release(r.token)
	}
	p.traffic.breaker.Release(ctx, p.probes, p.run)
}

// saw reports what came of the call.
func (p *permit) report(ctx context.Context, left time.Time, answer dypls.Answer, err error) {
	retryAfter, throttled, answered := answer.RetryAfter, false, err == nil
	if answered {
		throttled = dypls.Classify(answer.Code, answer.Status, answer.HostID != "") == dypls.Throttled
	} else if e, ok := errors.AsType[*dypls.Error](err); ok && e.RetryAfter > 0 {
		retryAfter, throttled = e.RetryAfter, true // what came was no answer, but its header said why
	}
	if answered || throttled {
		for _, r := range p.tokens {
			r.bucket.Report(left, throttled && r.bucket.Name() == p.action, retryAfter)
		}
	}
	p.reportToBreaker(ctx, left, answer, answered && !throttled)
	p.traffic.reportToEndpoint(ctx, p.run, left, answer, err)
}

// reportToBreaker: only an answer to the call itself tells something. A throttled one was turned
// away before.
func (p *permit) reportToBreaker(
	ctx context.Context,
	left time.Time,
	answer dypls.Answer,
	telling bool,
) {
	b := p.traffic.breaker
	if !telling {
		b.Inconclusive(ctx, p.probes, p.run)
		return
	}
	info, _ := dypls.LookupCode(answer.Code)
	if info.Class != dypls.Denied {
		b.Success(ctx, p.probes)
		return
	}
	p.deniedFor = b.Denied(ctx, breaker.Denial{
		Call: breaker.Call{
			Action: p.action,
			Pool:   p.pool,
			Run:    p.run,
		},
		Scope:  info.Scope,
		Code:   info.Code,
		SentAt: left,
		Probes: p.probes,
	})
}

// permittedCaller makes calls with leave only: the first one with the permit that it was given,
// others, such as those of a look, each with one of its own.
type permittedCaller struct {
	dypls.Caller

	traffic *traffic
	permit  *permit
	run     string
	tracer  tracing.Tracer
	span    tracing.Span  // of the run
	begun   *record.Begun // what it began with; nil for a call of no run
}

// Caller makes calls as an account, within its quota and behind its breakers like those of tasks,
// as long as the worker runs; "" is the account of tasks that name none. It is nil for an account
// that the worker does not know.
//
//nolint:ireturn // nil for an unknown account
func (w *Worker) Caller(account string) dypls.Caller {
	known := w.accounts.find(account)
	if known == nil {
		return nil
	}
	return &permittedCaller{
		Caller: known.caller, traffic: known.traffic, run: uuid.NewString(), tracer: w.tracer,
	}
}

// Call implements [dypls.Caller].
func (c *permittedCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	if c.traffic == nil { // of an account that is not known here
		return dypls.Answer{}, notPermitted(call.Action, errNoAccount)
	}
	p, pool := c.permit, call.Parameters.Value("PoolKey")
	if p == nil || p.used || p.action != call.Action {
		var err error
		if p, err = c.traffic.acquirePermit(ctx, nil, call.Action, pool, c.run); err != nil {
			return dypls.Answer{}, notPermitted(call.Action, err)
		}
	}
	p.used = true
	if p.pool == "" {
		p.pool = pool
	}
	ctx, span := c.startCall(ctx, call.Action, p)
	defer span.End()
	left := time.Now()
	answer, err := c.Caller.Call(ctx, call)
	endCall(span, answer, err)
	p.report(context.WithoutCancel(ctx), left, answer, err)
	return answer, err
}

// errNoAccount: there are no credentials for a call.
var errNoAccount = errors.New("this worker does not know the account")

// notPermitted is a call that did not leave for want of a permit.
func notPermitted(action string, err error) error {
	e := &dypls.Error{Action: action, Class: dypls.Throttled, Code: dypls.CodeNotSent, Err: err}
	if later, ok := errors.AsType[retryAfter](err); ok {
		e.RetryAfter = later.RetryAfter()
	}
	return e
}

// reportToEndpoint takes in whether a call that was sent was answered by the API.
func (t *traffic) reportToEndpoint(
	ctx context.Context,
	run string,
	left time.Time,
	answer dypls.Answer,
	err error,
) {
	e, failed := errors.AsType[*dypls.Error](err)
	switch {
	case failed && e.Code == dypls.CodeNotSent: // nothing was asked
	case err == nil && !leavesDoubt(answer):
		t.breaker.Answered(ctx)
	default:
		t.breaker.Unanswered(ctx, run, left)
	}
}

// leavesDoubt reports whether an answer says nothing of what was done: the gateway's own that it
// could not reach the service.
func leavesDoubt(answer dypls.Answer) bool {
	return answer.Code != dypls.CodeOK &&
		dypls.Classify(answer.Code, answer.Status, answer.HostID != "") == dypls.Uncertain
}
