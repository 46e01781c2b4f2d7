package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type resolveCommand struct {
	redisFlags

	ID        string        `arg:"" help:"The id of a task that is held as uncertain."`
	Succeeded string        `help:"It took effect: the API's response fields, as {\"SubsId\":\"...\",\"SecretNo\":\"...\"}." placeholder:"JSON" xor:"as"`
	Failed    bool          `help:"No call took effect, and none is to be made any more." xor:"as"`
	Retry     bool          `help:"Make the call again. If the lost one took effect after all, this uses up a second number." xor:"as"`
	Keep      time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome is kept (${default})." placeholder:"DURATION"`
	By        string        `env:"DYPLSQ_BY" help:"Who says so; by default the user who runs this." placeholder:"NAME"`
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
	if err := queue.Resolve(ctx, c.ID, c.resolution()); err != nil {
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

// resolution is what the flags say, of which one is given at most.
func (c *resolveCommand) resolution() tasks.Resolution {
	by := cmp.Or(c.By, userName())
	switch {
	case c.Succeeded != "":
		return tasks.ResolveSucceeded(json.RawMessage(c.Succeeded), by)
	case c.Failed:
		return tasks.ResolveFailed(by)
	case c.Retry:
		return tasks.ResolveRetry(by)
	}
	return tasks.Resolution{}
}

func userName() string {
	current, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return current.Username
}

type cancelCommand struct {
	redisFlags

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
	return queue.Cancel(ctx, c.ID)
}
