package contender

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func (river) Producer(ctx context.Context, site Site) (Producer, error) {
	pool, err := riverConns(ctx, site)
	if err != nil {
		return nil, err
	}
	p, err := newRiverProducer(ctx, pool, site.Attempts)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return p, nil
}

func newRiverProducer(ctx context.Context, pool *pgxpool.Pool, budget int) (*riverProducer, error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet()})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, "TRUNCATE river_job"); err != nil {
		return nil, err
	}
	client, err := riverqueue.NewClient(driver, &riverqueue.Config{Logger: quiet()})
	if err != nil {
		return nil, err
	}
	if budget == 0 {
		budget = attempts
	}
	return &riverProducer{
		client, pool, newMailbox[int64](), &riverqueue.InsertOpts{MaxAttempts: budget},
	}, nil
}

type riverProducer struct {
	client *riverqueue.Client[pgx.Tx]
	pool   *pgxpool.Pool
	news   *mailbox[int64]
	opts   *riverqueue.InsertOpts
}

func (p *riverProducer) Enqueue(ctx context.Context, i int) error {
	_, err := p.client.Insert(ctx, bindJob{bind(i), ID(i)}, p.opts)
	return err
}

func (p *riverProducer) EnqueueBatch(ctx context.Context, from, n int) error {
	batch := make([]riverqueue.InsertManyParams, n)
	for i := range batch {
		batch[i] = riverqueue.InsertManyParams{
			Args: bindJob{bind(from + i), ID(from + i)}, InsertOpts: p.opts,
		}
	}
	_, err := p.client.InsertManyFast(ctx, batch)
	return err
}

func (p *riverProducer) Do(ctx context.Context, i int) error {
	p.news.listen(p.look)
	inserted, err := p.client.Insert(ctx, bindJob{bind(i), ID(i)}, p.opts)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.news.expect(inserted.Job.ID):
		return nil
	}
}

// look asks for all that is waited for until the pool is closed. River tells nobody outside the
// worker.
func (p *riverProducer) look(told func(int64)) {
	const query = "SELECT id FROM river_job WHERE id = ANY($1) AND state IN ('completed', 'discarded')"
	for {
		time.Sleep(lookEvery)
		ids := p.news.expected()
		if len(ids) == 0 {
			continue
		}
		rows, err := p.pool.Query(context.Background(), query, ids)
		if err != nil {
			return
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return
		}
		for _, id := range found {
			told(id)
		}
	}
}

func (p *riverProducer) Finished(ctx context.Context) (n int, err error) {
	err = p.pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state IN ('completed', 'discarded')").Scan(&n)
	return n, err
}

// Size is what the jobs take, in bytes, with their indexes.
func (p *riverProducer) Size(ctx context.Context) (n int64, err error) {
	err = p.pool.QueryRow(ctx, "SELECT pg_total_relation_size('river_job')").Scan(&n)
	return n, err
}

func (p *riverProducer) Close() error {
	p.pool.Close()
	return nil
}
