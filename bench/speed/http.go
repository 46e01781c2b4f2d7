package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const (
	servedName    = "dyplsq serve"
	postersAtOnce = 64
	waitedFor     = lightLoad // tasks a second
)

// posted is how fast tasks are enqueued, in tasks a second, and how long callers wait for outcomes.
type posted struct {
	single, many, batch float64
	wait                wait
}

// http measures what the HTTP API costs beside the library, and beside a handler that only hands on
// what it is given.
func (b *bench) http(ctx context.Context) (section, error) {
	var found section
	contenders := []contender.Contender{
		contender.Ours(b.program), contender.Served(b.program), contender.Bare(),
	}
	all := map[string][]posted{}
	for round := range b.roundsOr(1) {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)]
			p, err := b.posted(ctx, c)
			if err != nil {
				return found, err
			}
			all[c.Name()] = append(all[c.Name()], p)
		}
	}
	table := figure.Table{Head: []string{
		"", "one caller, tasks/s", "64 callers, tasks/s", "batches of 500, tasks/s", "outcome p50 ms",
		"outcome p99 ms",
	}}
	group := figure.Group{Name: "64 callers: tasks/s"}
	for _, c := range contenders {
		of := func(of func(posted) float64) float64 {
			values := make([]float64, len(all[c.Name()]))
			for i, p := range all[c.Name()] {
				values[i] = of(p)
			}
			return figure.Median(values)
		}
		var took []time.Duration
		for _, p := range all[c.Name()] {
			took = append(took, p.wait.took...)
		}
		p50, p99 := "-", "-"
		if len(took) > 0 {
			p50, p99 = figure.Milliseconds(figure.Percentile(took, 50)), figure.Milliseconds(
				figure.Percentile(took, 99),
			)
		}
		many := of(func(p posted) float64 { return p.many })
		table.Add(c.Name(), figure.Format(of(func(p posted) float64 { return p.single }), 0),
			figure.Format(many, 0),
			figure.Format(of(func(p posted) float64 { return p.batch }), 0), p50, p99)
		group.Bars = append(group.Bars, figure.Bar{Name: c.Name(), Value: many})
	}
	found.groups = append(found.groups, group)
	found.text = tableText(table) + "\n0 ms round trip. dyplsq is the library in the callers' process, dyplsq serve a server beside them that knows who posts, checks every request " +
		"and says what is wrong with it, the bare handler a server by hand that hands what is posted to asynq. Every task has a key of the caller's. " +
		"Outcomes: from the post until the caller has the outcome, of 25 tasks a second; `GET /v1/tasks/{id}?wait=30s` over HTTP.\n"
	return found, nil
}

func (b *bench) posted(ctx context.Context, c contender.Contender) (p posted, err error) {
	if p, err = b.postedPace(ctx, c); err != nil {
		return p, err
	}
	if c.Name() == oursName || c.Name() == servedName {
		p.wait, err = b.waitFor(ctx, c, waitedFor)
	}
	return p, err
}

func (b *bench) postedPace(ctx context.Context, c contender.Contender) (p posted, err error) {
	a, err := b.open(ctx, c, conditions{workers: 1, slots: 64})
	if err != nil {
		return p, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	next := 0
	if p.single, err = b.repeat(func() (int, error) {
		next++
		return 1, a.producer.Enqueue(ctx, next-1)
	}); err != nil {
		return p, err
	}
	if p.many, err = b.repeat(func() (int, error) {
		next += enqueueBatch
		return enqueueBatch, fromMany(ctx, a.producer, next-enqueueBatch, enqueueBatch)
	}); err != nil {
		return p, err
	}
	p.batch = figure.None()
	if c.Name() == oursName || c.Name() == servedName {
		p.batch, err = b.repeat(func() (int, error) {
			next += enqueueBatch
			return enqueueBatch, a.producer.EnqueueBatch(ctx, next-enqueueBatch, enqueueBatch)
		})
	}
	b.progressf("http: %s: %.0f/s, %.0f/s, in batches %.0f/s", c.Name(), p.single, p.many, p.batch)
	return p, err
}

// fromMany enqueues one by one from many callers at once.
func fromMany(ctx context.Context, producer contender.Producer, from, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	for first := range postersAtOnce {
		group.Go(func() error {
			for i := first; i < n; i += postersAtOnce {
				if err := producer.Enqueue(ctx, from+i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
