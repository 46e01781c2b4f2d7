package contender

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// River is a job queue on PostgreSQL that keeps its jobs as rows, set as its makers set it to
// measure it.
func River() Contender { return river{} }

type river struct{}

func (river) Name() string { return "River" }

func (r river) Worker(site Site, slots int) (*exec.Cmd, error) { return own(r.Name(), site, slots) }

const (
	fetchCooldown = 2 * time.Millisecond
	fetchEvery    = 20 * time.Millisecond
	// lookEvery is how often callers look for what they wait for, all of them with one query.
	lookEvery = 20 * time.Millisecond
	riverPool = 32
)

// bindJob is one bind as River keeps it.
type bindJob struct {
	dypls.BindAXNRequest

	ID string `json:"id"`
}

func (bindJob) Kind() string { return "bind_axn" }

type bindWorker struct {
	riverqueue.WorkerDefaults[bindJob]

	api *aliyun.Client
}

func (w *bindWorker) Work(ctx context.Context, job *riverqueue.Job[bindJob]) error {
	binding, err := dypls.BindAXN.Call(
		ctx, w.api, dypls.BindAXN.WithOutID(job.Args.BindAXNRequest, job.Args.ID),
	)
	if err != nil {
		return err
	}
	return riverqueue.RecordOutput(ctx, binding)
}

func runRiver(site Site, slots int) error {
	ctx := context.Background()
	api, err := site.client(slots)
	if err != nil {
		return err
	}
	pool, err := riverConns(ctx, site)
	if err != nil {
		return err
	}
	workers := riverqueue.NewWorkers()
	riverqueue.AddWorker(workers, &bindWorker{api: api})
	client, err := riverqueue.NewClient(riverpgxv5.New(pool), &riverqueue.Config{
		Queues:        map[string]riverqueue.QueueConfig{riverqueue.QueueDefault: {MaxWorkers: slots}},
		Workers:       workers,
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchEvery, CompletedJobRetentionPeriod: keep,
		Logger: quiet(),
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	<-ended
	return client.Stop(ctx)
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

func riverConns(ctx context.Context, site Site) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(site.Postgres)
	if err != nil {
		return nil, err
	}
	config.MaxConns = riverPool
	return pgxpool.NewWithConfig(ctx, config)
}
