package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type resolveCommand struct {
	redisFlags
	actorFlags
	bulkFlags

	ID        string        `arg:"" help:"The id of a task that is held as uncertain." optional:""`
	Succeeded string        `help:"It took effect: the API's response fields, as {\"SubsId\":\"...\",\"SecretNo\":\"...\"}." placeholder:"JSON" xor:"as"`
	Failed    bool          `help:"No call took effect, and none is to be made any more." xor:"as"`
	Retry     bool          `help:"Make the call again. If the lost one took effect after all, this uses up a second number." xor:"as"`
	Keep      time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome is kept (${default})." placeholder:"DURATION"`

	MayBindTwice bool `help:"With --filter and --retry: each task whose lost call took effect is bound twice, and uses up a second number."`
}

// Run settles the task and prints its outcome.
func (c *resolveCommand) Run(ctx context.Context, s streams) error {
	if err := c.check("resolve", c.ID, c.Reason); err != nil {
		return err
	}
	if c.ID == "" {
		verb, err := c.verb()
		if err != nil {
			return err
		}
		return c.bulk(ctx, s, verb, c.bulkFlags, c.actorFlags, c.Keep)
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

// verb is what the flags say of many tasks.
func (c *resolveCommand) verb() (bulk.Verb, error) {
	switch {
	case c.Succeeded != "":
		return "", usage("--succeeded goes with one task: each has another result")
	case c.Failed:
		return bulk.Fail, nil
	case c.Retry && c.MayBindTwice:
		return bulk.CallAgain, nil
	case c.Retry:
		return "", usage("--filter with --retry makes each call again, and binds twice where the lost one took effect: " +
			"look at each with explain, or add --may-bind-twice")
	}
	return "", usage("resolve must be told how: --failed or --retry")
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
	bulkFlags

	ID   string        `arg:"" help:"The task's id." optional:""`
	Keep time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome is kept (${default})." placeholder:"DURATION"`
}

// Run withdraws the task before its call leaves.
func (c *cancelCommand) Run(ctx context.Context, s streams) error {
	if err := c.check("cancel", c.ID, c.Reason); err != nil {
		return err
	}
	if c.ID == "" {
		return c.bulk(ctx, s, bulk.Cancel, c.bulkFlags, c.actorFlags, c.Keep)
	}
	queue, err := c.queue(tasks.Config{Retention: c.Keep})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	entry := c.entry(audit.Cancel, c.ID, nil)
	return c.audited(ctx, entry, func(ctx context.Context) (map[string]string, error) {
		return nil, queue.Cancel(ctx, c.ID)
	})
}
