package main

import (
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
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
}

// openConsole opens the pages beside asynqmon. Secure says that browsers come by https alone.
func openConsole(at tasks.RedisConfig, actions, secure bool, log zerolog.Logger) (*openedConsole, error) {
	client, err := connect(at)
	if err != nil {
		return nil, err
	}
	o := &openedConsole{redis: client}
	if o.queue, err = tasks.New(tasks.Config{Client: client}); err != nil {
		return nil, errors.Join(err, o.close())
	}
	if o.calls, err = calls.New(calls.Config{Redis: at, Logger: log}); err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.Console, err = console.New(console.Config{
		Queue: o.queue, Calls: o.calls, Audit: audit.New(client), Redis: client,
		AllowActions: actions, Secure: secure,
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
	if o.queue != nil {
		problems = append(problems, o.queue.Close())
	}
	if o.calls != nil {
		problems = append(problems, o.calls.Close())
	}
	return errors.Join(append(problems, o.redis.Close())...)
}
