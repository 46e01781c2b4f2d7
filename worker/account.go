package worker

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// account is one whose tasks a worker performs, with its own credentials, which its caller has, quotas and breakers.
type account struct {
	name    string
	caller  dypls.Caller
	traffic *traffic
}

// accounts are those that a worker knows.
type accounts struct {
	worker    *Worker
	own       *account // of tasks that name none
	byName    map[string]*account
	strangers strangers
}

func newAccounts(w *Worker) *accounts {
	c := w.config
	as := &accounts{worker: w, byName: make(map[string]*account, 1+len(c.Callers)), strangers: newStrangers(w)}
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

// of returns the account that a delivery names, "" for the worker's own. It is nil where this worker does not know it.
func (as *accounts) of(name string) *account {
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
	news := as.worker.config.Redis.Subscribe(ctx, quotaNews, breakerNews)
	defer func() { _ = news.Close() }()
	defer as.close(ctx)
	messages := news.ChannelWithSubscriptions()
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	as.announce(ctx)
	for {
		as.refresh(ctx)
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				as.announce(ctx)
				again = true
			case message, ok := <-messages:
				again = !ok || as.hear(message)
			}
		}
	}
}

// hear takes in a message, and reports whether the breakers have to be looked at.
func (as *accounts) hear(message any) (look bool) {
	m, isMessage := message.(*redis.Message)
	if !isMessage || m.Channel == breakerNews { // subscribed, perhaps again: something may have been missed
		return true
	}
	for _, a := range as.byName {
		a.traffic.governor.hear(m.Payload)
	}
	return false
}

func (as *accounts) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for _, a := range as.byName {
		if err := a.traffic.breaker.refresh(ctx); err != nil && ctx.Err() == nil {
			as.worker.log.Warn().Err(err).Msg("which breakers are open could not be read: trying again")
			return
		}
	}
}

// announce lets others know which accounts somebody performs. That it failed is no harm: it is said again soon.
func (as *accounts) announce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_ = presence.Announce(ctx, as.worker.config.Redis, as.names()...)
}

func (as *accounts) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for _, a := range as.byName {
		a.traffic.governor.close(ctx)
	}
}
