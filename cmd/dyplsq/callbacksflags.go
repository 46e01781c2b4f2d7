package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// callbacksFlags say who is told of what became of tasks and calls.
type callbacksFlags struct {
	Callbacks string `env:"DYPLSQ_CALLBACKS" help:"File of the endpoints that are told of tasks and calls, with their secrets; changes in it hold within 5 s." placeholder:"FILE"`
}

// endpoints reads the file; none where none is given.
func (f callbacksFlags) endpoints() ([]callbacks.Endpoint, error) {
	if f.Callbacks == "" {
		return nil, nil
	}
	endpoints, err := callbacks.ReadFile(f.Callbacks)
	if err != nil {
		return nil, errors.New("--callbacks: " + err.Error())
	}
	return endpoints, nil
}

// exposed reports whether others on this machine may read the secrets.
func (f callbacksFlags) exposed() bool {
	const others = 0o007 // its group may: Kubernetes hands a pod its secrets so
	info, err := os.Stat(f.Callbacks)
	return err == nil && info.Mode().Perm()&others != 0
}

// callbackSender tells endpoints; nil where there are none to tell.
type callbackSender struct {
	*callbacks.Sender

	file  string
	read  []byte // sum of the file that holds
	log   zerolog.Logger
	named func(names []string) // is told of the names when the file has changed
}

// sender returns what tells endpoints, nil where no file names any, and their names.
func (f callbacksFlags) sender(
	flags redisFlags,
	queue *tasks.Queue,
	store *calls.Store,
	served *metrics.Serve,
	spans trace.TracerProvider,
	log zerolog.Logger,
) (*callbackSender, []string, error) {
	if f.Callbacks == "" {
		return nil, nil, nil
	}
	read := sumOf(f.Callbacks) // before it is read, so that no change goes unseen
	endpoints, err := f.endpoints()
	if err != nil {
		return nil, nil, usage(err.Error())
	}
	if f.exposed() {
		log.Warn().Str("file", f.Callbacks).
			Msg("callbacks file open to others; chmod 600 it, and give it to the server's user")
	}
	m := served.Callbacks()
	sender, err := callbacks.New(callbacks.Config{
		Queue:     queue,
		Calls:     store,
		Redis:     flags.config(),
		Keys:      flags.sealing(),
		Endpoints: endpoints,
		Logger:    log,
		Trace: callbacks.Trace{
			AttemptDone: func(e callbacks.AttemptEnd) {
				m.AttemptDone(e.Endpoint, string(e.Result), e.Took)
			},
		},
		TracerProvider: spans,
	})
	if err != nil {
		return nil, nil, usage(err.Error())
	}
	names := namesOf(endpoints)
	for _, name := range names {
		m.Expect(name, callbackResults()...)
	}
	log.Info().Strs("endpoints", names).Msg("sending callbacks")
	s := &callbackSender{Sender: sender, file: f.Callbacks, read: read, log: log}
	m.Collect(s.standing)
	return s, names, nil
}

// watched returns what knows the endpoints of the file, and others that were told lately, without
// telling them: for whoever looks, enables and replays.
func (f callbacksFlags) watched(
	at tasks.RedisConfig,
	keys *tasks.Keys,
	queue *tasks.Queue,
	store *calls.Store,
	log zerolog.Logger,
) (*callbackSender, error) {
	read := sumOf(f.Callbacks)
	endpoints, err := f.endpoints()
	if err != nil {
		return nil, usage(err.Error())
	}
	sender, err := callbacks.New(callbacks.Config{
		Queue: queue, Calls: store, Redis: at, Keys: keys, Endpoints: endpoints, Logger: log,
	})
	if err != nil {
		return nil, usage(err.Error())
	}
	return &callbackSender{
		Sender: sender, file: f.Callbacks, read: read, log: log, named: func([]string) {},
	}, nil
}

func namesOf(endpoints []callbacks.Endpoint) []string {
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = e.Name
	}
	return names
}

// callbackResults are what may come of sending a callback.
func callbackResults() (names []string) {
	for _, result := range callbacks.Results() {
		names = append(names, string(result))
	}
	return names
}

// run tells endpoints until ctx is done, by the file as it is. named is told of the endpoints'
// names when it has changed.
func (s *callbackSender) run(ctx context.Context, named func(names []string)) error {
	if s == nil {
		return nil
	}
	s.named = named
	go s.watch(ctx)
	return s.Run(ctx)
}

func (s *callbackSender) close() {
	if s != nil {
		_ = s.Close()
	}
}

// watch has what is changed in the file hold. One that is broken leaves the endpoints of before.
func (s *callbackSender) watch(ctx context.Context) {
	const every = 5 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := sumOf(s.file)
		if bytes.Equal(now, s.read) {
			continue
		}
		s.read = now
		endpoints, err := callbacks.ReadFile(s.file)
		if err == nil {
			err = s.Replace(endpoints)
		}
		if err != nil {
			s.log.Error().Str("error", dypls.Scrub(err.Error())).Msg("callbacks file broken; the endpoints of before stay")
			continue
		}
		s.named(namesOf(endpoints))
		s.log.Info().Int("endpoints", len(endpoints)).Msg("callbacks file read again")
	}
}

// sumOf tells one state of a file from another; nil for a file that cannot be read.
func sumOf(file string) []byte {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// standing is how endpoints stand, for metrics and doctor.
func (s *callbackSender) standing(ctx context.Context) ([]metrics.CallbackEndpoint, error) {
	statuses, err := s.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]metrics.CallbackEndpoint, len(statuses))
	for i, status := range statuses {
		all[i] = metrics.CallbackEndpoint{
			Name:     status.Endpoint,
			Pending:  status.Pending,
			Failing:  status.Failing,
			Dead:     status.Dead,
			Oldest:   status.Oldest,
			Disabled: !status.DisabledAt.IsZero(),
		}
	}
	return all, nil
}
