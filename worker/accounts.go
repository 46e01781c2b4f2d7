package worker

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/hearing"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
)

// account is one whose tasks a worker performs, with its own credentials, which its caller has,
// quotas and breakers.
type account struct {
	name    string
	caller  dypls.Caller
	traffic *traffic

	warnedOfKeys time.Time // that others use another key; by the one goroutine that announces
}

// accounts are those that a worker knows.
type accounts struct {
	worker  *Worker
	own     *account // of tasks that name none
	byName  map[string]*account
	unknown unknownAccounts
}

func newAccounts(w *Worker) *accounts {
	c := w.config
	as := &accounts{
		worker:  w,
		byName:  make(map[string]*account, 1+len(c.Callers)),
		unknown: newUnknownAccounts(w),
	}
	add := func(name string, caller dypls.Caller) *account {
		a := &account{name: name, caller: caller, traffic: newTraffic(w, name)}
		as.byName[name] = a
		return a
	}
	as.own = add(c.Account, c.Caller)
	for name, caller := range c.Callers {
		add(name, caller)
	}
	return as
}

// of returns the account that a delivery names, "" for the worker's own. It is nil where this
// worker does not know it.
func (as *accounts) find(name string) *account {
	if name == "" {
		return as.own
	}
	return as.byName[name]
}

func (as *accounts) names() []string {
	names := make([]string, 0, len(as.byName))
	for name := range as.byName {
		names = append(names, name)
	}
	return names
}

// run keeps up with the other workers until ctx is done, and then gives back what is left.
func (as *accounts) run(ctx context.Context) {
	var listening sync.WaitGroup
	defer listening.Wait()
	defer as.releaseQuota(ctx)
	news := make(chan struct{}, 1) // holds a token while the breakers have to be looked at
	listening.Go(func() { _ = as.subscription(news).Keep(ctx) })
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	as.announce(ctx)
	for {
		as.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			as.announce(ctx)
		case <-news:
		}
	}
}

// line is what workers hear from each other. Whatever it says, or does not say, the breakers are
// looked at every now and then, and each question to a bucket tells whether it is closed.
func (as *accounts) subscription(news chan<- struct{}) hearing.Line {
	look := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	client := as.worker.config.client
	quotas := quota.Channel(client)
	return hearing.Line{
		Client: client, Channels: []string{quotas, breakers.Channel(client)},
		InForce: func(string) { look() },
		Hear: func(m *redis.Message) {
			if m.Channel != quotas {
				look()
				return
			}
			for _, a := range as.byName {
				a.traffic.limiter.Hear(m.Payload)
			}
		},
	}
}

func (as *accounts) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for _, a := range as.byName {
		if err := a.traffic.breaker.Refresh(ctx); err != nil && ctx.Err() == nil {
			as.worker.log.Warn().Err(err).Msg("circuit breaker state not read; retrying")
			return
		}
	}
}

// announce lets others know which accounts somebody performs. That it failed is no harm: it is said
// again soon.
func (as *accounts) announce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_ = presence.Announce(ctx, as.worker.config.client, as.names()...)
	for _, a := range as.byName {
		as.announceKey(ctx, a)
	}
}

// keyed is a caller that tells its key from others' without telling it, as aliyun's does. "" is a
// key that says nothing: a temporary one.
type keyed interface {
	KeyFingerprint(ctx context.Context) (string, error)
}

// announceKey notices that another installation uses the same Redis for another account under the
// same name: their tasks mix, and each performs the other's. While keys are rotated the old and the
// new one are in use for a while.
func (as *accounts) announceKey(ctx context.Context, a *account) {
	caller, is := a.caller.(keyed)
	if !is {
		return
	}
	fingerprint, err := caller.KeyFingerprint(ctx)
	if err != nil || fingerprint == "" {
		return // that there are no credentials is said elsewhere
	}
	beside, err := presence.AnnounceKey(ctx, as.worker.config.client, a.name, fingerprint)
	const sayAgain = 24 * time.Hour
	if err == nil && beside > presence.Rotation &&
		(a.warnedOfKeys.IsZero() || time.Since(a.warnedOfKeys) > sayAgain) {
		a.warnedOfKeys = time.Now()
		as.worker.log.Warn().Str("account", a.name).Str("key", fingerprint).Dur("beside_ms", beside).
			Msg("another access key in use for this account (two installations, or an unfinished rotation); see dyplsq doctor")
	}
}

func (as *accounts) releaseQuota(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for _, a := range as.byName {
		a.traffic.limiter.Close(ctx)
	}
}

const (
	// unknownAccountAgain is about when a task whose account is not known here is offered again: to
	// any worker, one that knows it among them.
	unknownAccountAgain = 15 * time.Second
	// unknownAccountReason begins what a dashboard shows of such a task; the account's name
	// follows.
	unknownAccountReason = "its worker does not know the account "
	// unknownAccountsMost is how many accounts are kept in mind that nobody knows here: their names
	// come from whoever enqueues.
	unknownAccountsMost = 100
)

// unknownAccounts are the accounts that tasks have named and this worker does not know.
type unknownAccounts struct {
	worker *Worker
	mu     *sync.Mutex
	seen   map[string]time.Time // when a task of the account was last requeued
	noted  map[string]time.Time // when others were last told
}

func newUnknownAccounts(w *Worker) unknownAccounts {
	return unknownAccounts{
		worker: w,
		mu:     &sync.Mutex{},
		seen:   map[string]time.Time{},
		noted:  map[string]time.Time{},
	}
}

// note logs once of each account that its tasks wait, and tells other workers now and then.
func (s unknownAccounts) note(ctx context.Context, name string) {
	now := time.Now()
	s.mu.Lock()
	_, known := s.seen[name]
	if !known && len(s.seen) >= unknownAccountsMost {
		s.mu.Unlock()
		return
	}
	s.seen[name] = now
	tell := now.Sub(s.noted[name]) > refreshEvery
	if tell {
		s.noted[name] = now
	}
	s.mu.Unlock()
	if !known {
		s.worker.log.Error().Str("account", name).
			Msg("unknown account; holding its tasks for a worker that knows it (dyplsq worker --account)")
	}
	if tell {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		_ = presence.Missing(ctx, s.worker.config.client, name)
	}
}

// recent are those of whom a task was requeued lately.
func (s unknownAccounts) recent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, at := range s.seen {
		if time.Since(at) < presence.Fresh {
			names = append(names, name)
		}
	}
	return names
}

// checkAccount keeps a task back whose account this worker does not know: no call of it leaves
// here, whatever it is for.
func (d *delivery) checkAccount(ctx context.Context) error {
	if d.account != nil {
		return nil
	}
	d.worker.accounts.unknown.note(ctx, d.accountName)
	return &retryLaterError{
		delay:  d.worker.unknownAccountPause(),
		reason: unknownAccountReason + d.accountName,
	}
}

func (w *Worker) unknownAccountPause() time.Duration {
	pause := cmp.Or(w.timing.unknownAccountAgain, unknownAccountAgain)
	return pause/2 + rand.N(pause) //nolint:gosec,mnd // spreads load; guards nothing
}
