package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// collect prints the outcomes of tasks: as they are now, or, given time, each as it comes.
func collect(
	ctx context.Context,
	queue *tasks.Queue,
	ids []string,
	wait time.Duration,
	p *printer,
) error {
	if wait <= 0 {
		outcomes, err := queue.Outcomes(ctx, ids...)
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			p.print(o)
		}
		return p.verdict(false)
	}
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := queue.WaitAll(waitCtx, ids, p.print)
	p.finish()
	if err == nil {
		return p.verdict(true)
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	rest, err := queue.Outcomes(context.WithoutCancel(ctx), p.missing(ids)...)
	if err != nil {
		return err
	}
	for _, o := range rest {
		p.print(o)
	}
	return p.verdict(true)
}
