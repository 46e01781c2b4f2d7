package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// accountFlags name the accounts beside the default one. Their credentials are profiles of Alibaba
// Cloud's own file, never flags.
type accountFlags struct {
	Accounts []string `env:"DYPLSQ_ACCOUNTS" help:"An account whose tasks are performed beside those that name none, by its profile in Alibaba Cloud's credentials file; may be repeated." name:"account" placeholder:"NAME"`
}

// clients are one for each account.
type clients struct {
	own   *aliyun.Client
	named map[string]*aliyun.Client
}

// clients makes one for the default account and each that is named.
func (f accountFlags) clients(api apiFlags, concurrency int) (clients, error) {
	own, err := api.client(concurrency, nil)
	if err != nil {
		return clients{}, err
	}
	all := clients{own: own, named: map[string]*aliyun.Client{}}
	for _, name := range f.Accounts {
		switch {
		case name == tasks.DefaultAccount:
			return clients{}, usage(
				"--account must not name " + name + ", which every worker performs: leave it out",
			)
		case !asynqwire.IsAccount(name):
			return clients{}, usage(accountProblem(name, "rename the profile").Error())
		case all.named[name] != nil:
			continue
		}
		if all.named[name], err = api.client(concurrency, aliyun.ProfileCredentials(name)); err != nil {
			return clients{}, err
		}
	}
	return all, nil
}

// accountProblem is what is wrong with the name of an account, nil for nothing.
func accountProblem(name, remedy string) error {
	if asynqwire.IsAccount(name) {
		return nil
	}
	if p, found := dypls.SpaceProblem("--account", name); found {
		return errors.New(p.String())
	}
	return errors.New("--account " + asynqwire.AccountRule + ": " + remedy)
}

func (c clients) callers() map[string]dypls.Caller {
	callers := make(map[string]dypls.Caller, len(c.named))
	for name, client := range c.named {
		callers[name] = client
	}
	return callers
}

func (c clients) close() {
	_ = c.own.Close()
	for _, client := range c.named {
		_ = client.Close()
	}
}

// accountError is what is wrong with an account's credentials.
type accountError struct {
	name string
	err  error
}

func (e accountError) Error() string { return fmt.Sprintf("account %s: %v", e.name, e.err) }

func (e accountError) Unwrap() error { return e.err }

// checkCredentials looks up the credentials of every account. A missing one comes before one that
// is out of reach.
func (c clients) checkCredentials(ctx context.Context) error {
	var missing, away []error
	note := func(err error) {
		switch {
		case errors.Is(err, aliyun.ErrNoCredentials):
			missing = append(missing, err)
		case err != nil:
			away = append(away, err)
		}
	}
	note(c.own.CheckCredentials(ctx))
	for _, name := range slices.Sorted(maps.Keys(c.named)) {
		if err := c.named[name].CheckCredentials(ctx); err != nil {
			note(accountError{name, err})
		}
	}
	return errors.Join(append(missing, away...)...)
}

// awaitCredentials returns once there are credentials of every account: a call without them would
// use up attempts. That there is no source of them at all is an error; one that is out of reach is
// tried again.
func (c clients) awaitCredentials(ctx context.Context, log zerolog.Logger) error {
	const every = 5 * time.Second
	for {
		err := c.checkCredentials(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, aliyun.ErrNoCredentials):
			return usage(err.Error())
		case ctx.Err() != nil:
			return nil //nolint:nilerr // told to end while waiting: no failure
		}
		log.Warn().Err(err).Msg("credentials out of reach; trying again")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
