package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/archive"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/console"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// openedConsole is the console with what it reads from. Its connections are its own: what holds up
// asynqmon's pages does not hold up these.
type openedConsole struct {
	*console.Console

	redis redis.UniversalClient
	queue *tasks.Queue
	calls *calls.Store
	// callbacks knows the endpoints, and does not tell them.
	callbacks *callbackSender
}

// consoleOptions say what the console is opened with.
type consoleOptions struct {
	redis tasks.RedisConfig
	keys  *tasks.Keys
	// secure says that browsers come by https alone.
	actions, secure bool
	archive         archiveFlag
	callbacks       callbacksFlags
}

// openConsole opens the pages beside asynqmon.
func openConsole(with consoleOptions, log zerolog.Logger) (*openedConsole, error) {
	kept, err := with.archive.open()
	if err != nil {
		return nil, err
	}
	at := with.redis
	client, err := connect(at)
	if err != nil {
		return nil, err
	}
	o := &openedConsole{redis: client}
	if o.queue, err = tasks.New(tasks.Config{Client: client, Keys: with.keys}); err != nil {
		return nil, errors.Join(err, o.close())
	}
	if o.calls, err = calls.New(calls.Config{Redis: at, Keys: with.keys, Logger: log}); err != nil {
		return nil, errors.Join(err, o.close())
	}
	if o.callbacks, err = with.callbacks.watched(at, with.keys, o.queue, o.calls, log); err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.Console, err = console.New(console.Config{
		Queue: o.queue, Calls: o.calls, Audit: audit.New(client).WithKeys(with.keys), Redis: client,
		Keys:      with.keys,
		Callbacks: o.callbacks.Sender, Archive: playedFrom(kept), AllowActions: with.actions,
		Secure: with.secure,
		Note: func(path string, err error) {
			log.Warn().Str("path", path).Str("error", dypls.Scrub(err.Error())).Msg("console page failed")
		},
	})
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *openedConsole) close() error {
	var problems []error
	if o.callbacks != nil {
		problems = append(problems, o.callbacks.Close())
	}
	if o.queue != nil {
		problems = append(problems, o.queue.Close())
	}
	if o.calls != nil {
		problems = append(problems, o.calls.Close())
	}
	return errors.Join(append(problems, o.redis.Close())...)
}

// run follows what changes outside of Redis until ctx is done: the file of endpoints.
func (o *openedConsole) run(ctx context.Context) {
	if o.callbacks.file != "" {
		o.callbacks.watch(ctx)
	}
}

// player plays recordings from a store.
type player struct{ store archive.Store }

// playedFrom is what the console plays recordings from; nil where there is no store.
//
//nolint:ireturn // nil is none
func playedFrom(store archive.Store) console.Archive {
	if store == nil {
		return nil
	}
	return player{store}
}

// Open implements [console.Archive].
//
//nolint:ireturn // as the console has it
func (p player) Open(ctx context.Context, location string) (console.Recording, error) {
	recording, err := archive.NewPlayer(ctx, p.store, location)
	if err != nil {
		return nil, err
	}
	return recording, nil
}
