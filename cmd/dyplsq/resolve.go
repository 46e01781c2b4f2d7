package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type resolveCommand struct {
	redisFlags
	actorFlags

	ID        string        `arg:"" help:"The id of a task that is held as uncertain."`
	Succeeded string        `help:"It took effect: the API's response fields, as {\"SubsId\":\"...\",\"SecretNo\":\"...\"}." placeholder:"JSON" xor:"as"`
	Failed    bool          `help:"No call took effect, and none is to be made any more." xor:"as"`
	Retry     bool          `help:"Make the call again. If the lost one took effect after all, this uses up a second number." xor:"as"`
	Keep      time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome is kept (${default})." placeholder:"DURATION"`
}

// Run settles the task and prints its outcome.
func (c *resolveCommand) Run(ctx context.Context, s streams) error {
	if err := tasks.CheckID(c.ID); err != nil {
		return err
	}
	queue, err := c.queue(tasks.Config{Retention: c.Keep})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	as, resolution := c.resolution()
	if as == "" {
		return usage("resolve must be told how: --succeeded JSON, --failed or --retry")
	}
	line := c.entry(audit.Resolve, c.ID, map[string]string{"as": as})
	err = c.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
		return nil, queue.Resolve(ctx, c.ID, resolution)
	})
	if err != nil {
		return err
	}
	if c.Retry {
		_, _ = fmt.Fprintln(
			s.err,
			"dyplsq: the call is made again; where the lost one took effect, a second number is used up",
		)
	}
	return collect(ctx, queue, []string{c.ID}, 0, newPrinter(s, false, 1))
}

// resolution is what the flags say, of which one is given at most, and its name.
func (c *resolveCommand) resolution() (as string, resolution tasks.Resolution) {
	switch {
	case c.Succeeded != "":
		return "succeeded", tasks.ResolveSucceeded(json.RawMessage(c.Succeeded), c.name())
	case c.Failed:
		return "failed", tasks.ResolveFailed(c.name())
	case c.Retry:
		return "retry", tasks.ResolveRetry(c.name())
	}
	return "", tasks.Resolution{}
}

type cancelCommand struct {
	redisFlags
	actorFlags

	ID   string        `arg:"" help:"The task's id."`
	Keep time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome is kept (${default})." placeholder:"DURATION"`
}

// Run withdraws the task before its call leaves.
func (c *cancelCommand) Run(ctx context.Context) error {
	if err := tasks.CheckID(c.ID); err != nil {
		return err
	}
	queue, err := c.queue(tasks.Config{Retention: c.Keep})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	return c.audited(ctx, c.entry(audit.Cancel, c.ID, nil), func(ctx context.Context) (map[string]string, error) {
		return nil, queue.Cancel(ctx, c.ID)
	})
}
