// Package dyplsqtest gives a test the whole of dyplsq in one line: an embedded Redis, the simulated
// API, a worker, and a queue to enqueue with. Nothing of it reaches another machine: it reads no
// environment variable, no credentials and no endpoint.
//
//	system := dyplsqtest.Start(t)
//	task, err := tasks.BindAXN.Enqueue(ctx, system.Queue, request)
//	calls := system.API.Ledger() // what was really done
//
// The embedded Redis is miniredis: it keeps nothing on disk, and is no measure of speed. Its clock
// runs in steps of a second.
package dyplsqtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// System is a running Redis, API and worker.
type System struct {
	// Queue enqueues and collects, as a producer does.
	Queue *tasks.Queue
	// API is the simulated service. Its ledger tells which calls it was sent, and which took effect.
	API *dyplstest.Server
	// RedisURL leads to the embedded Redis, for a producer that opens a queue of its own.
	RedisURL string

	redis   *miniredis.Miniredis
	stop    context.CancelFunc
	running sync.WaitGroup
	err     error // of the worker
}

// Config is what may differ from one system to another. The zero value is a service that never
// fails, and a silent worker.
type Config struct {
	// API configures the simulated service: its pools, quotas and faults.
	API dyplstest.Config
	// Logger is the worker's; it says nothing by default.
	Logger zerolog.Logger
	// Concurrency is how many calls the worker makes at once: 16 by default.
	Concurrency int
	// TracerProvider is where spans of the queue and of the worker go: nowhere by default.
	TracerProvider trace.TracerProvider
}

// Option changes the configuration of a system that [Start] starts.
type Option func(*Config)

// Faults has the service fail by these rules.
func Faults(faults ...dyplstest.Fault) Option {
	return func(c *Config) { c.API.Faults = append(c.API.Faults, faults...) }
}

// Pools gives the service these pools of numbers.
func Pools(pools ...dyplstest.Pool) Option {
	return func(c *Config) { c.API.Pools = append(c.API.Pools, pools...) }
}

// Logger has the worker log.
func Logger(l zerolog.Logger) Option { return func(c *Config) { c.Logger = l } }

// Start starts a system for a test, and ends it with the test. What cannot be started, or ends with
// an error, fails the test.
func Start(tb dyplstest.TB, options ...Option) *System {
	tb.Helper()
	var c Config
	for _, option := range options {
		option(&c)
	}
	s, err := Serve(context.Background(), c)
	if err != nil {
		tb.Fatalf("dyplsqtest: %v", err)
		return nil // where Fatalf returns
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Fatalf("dyplsqtest: %v", err)
		}
	})
	return s
}

// Serve starts a system that runs until [System.Close], or until ctx is done and Close.
func Serve(ctx context.Context, c Config) (*System, error) {
	const concurrency = 16
	if c.Concurrency == 0 {
		c.Concurrency = concurrency
	}
	s := &System{redis: miniredis.NewMiniRedis()}
	if err := s.redis.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	s.RedisURL = "redis://" + s.redis.Addr() + "/0"
	var err error
	if s.API, err = dyplstest.Serve(c.API); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	queue := tasks.Config{Redis: tasks.RedisConfig{URL: s.RedisURL}, TracerProvider: c.TracerProvider}
	if s.Queue, err = tasks.New(queue); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	w, err := s.worker(c)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.running.Go(func() { s.err = w.Run(ctx) })
	s.running.Go(func() { s.tick(ctx) })
	return s, nil
}

func (s *System) worker(c Config) (*worker.Worker, error) {
	api, err := aliyun.New(aliyun.Config{
		Endpoint: s.API.URL(),
		MaxConns: c.Concurrency,
		Credentials: aliyun.StaticCredentials(
			s.API.AccessKeyID,
			s.API.AccessKeySecret,
			s.API.SecurityToken,
		),
	})
	if err != nil {
		return nil, err
	}
	return worker.New(
		worker.Config{
			Redis:       tasks.RedisConfig{URL: s.RedisURL},
			Caller:      api,
			Logger:      c.Logger,
			Concurrency: c.Concurrency,
			Fetchers:    1,

			TracerProvider: c.TracerProvider,
		},
	)
}

// tick moves the embedded Redis' clock, which does not run by itself: without it nothing would ever
// expire.
func (s *System) tick(ctx context.Context) {
	const every = time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.redis.FastForward(every)
		}
	}
}

// Close drains the worker and ends everything. It returns the worker's error.
func (s *System) Close() error {
	if s.stop != nil {
		s.stop()
		s.running.Wait()
	}
	if s.Queue != nil {
		_ = s.Queue.Close()
	}
	if s.API != nil {
		s.API.Close()
	}
	s.redis.Close()
	return s.err
}
