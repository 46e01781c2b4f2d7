package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type enqueueCommand struct {
	redisFlags

	Action string        `arg:"" help:"The API's own name: BindAxn, BindAxb, BindAxnExtension, BindAxg, UnbindSubscription, UpdateSubscription, QueryRecordFileDownloadUrl."`
	Input  string        `arg:"" help:"One JSON object with the API's parameter names and an optional TaskID, or - to read one object a line from standard input." name:"json" optional:""`
	File   string        `help:"Read one object a line from a file instead." placeholder:"F" short:"f"`
	ID     string        `help:"Your key for the task: the same key and request again is the same task." name:"id" placeholder:"KEY"`
	Within time.Duration `help:"Useless so long after its scheduled time: fail as dyplsq.Expired." placeholder:"DURATION"`
	In     time.Duration `help:"Start so much later." placeholder:"DURATION"`
	Wait   time.Duration `help:"Wait so long for the outcomes." placeholder:"DURATION"`
	JSON   bool          `help:"Print one JSON object a line." name:"json"`

	RecordingRetention time.Duration `default:"720h" env:"DYPLSQ_RECORDING_RETENTION" help:"How long after its call a recording is asked for (${default})." name:"recording-retention" placeholder:"DURATION"`
}

// Run checks everything, enqueues all or nothing, and prints an outcome for each.
func (c *enqueueCommand) Run(ctx context.Context, s streams) error {
	kind, known := tasks.Lookup(c.Action)
	if !known {
		return usage("unknown action: take one of " + strings.Join(actions(), ", "))
	}
	lines, err := readInput(c.Input, c.File, s.in)
	if err != nil {
		return err
	}
	if c.ID != "" && len(lines) > 1 {
		return usage("--id goes with one object: in a batch, give each its own TaskID")
	}
	items, err := decodeAll(kind, lines, c.options())
	if err != nil {
		return err
	}
	client, err := c.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	queue := tasks.NewQueue(client, tasks.RecordingRetention(c.RecordingRetention))
	defer func() { _ = queue.Close() }()
	if err := queue.Ping(ctx); err != nil {
		return err
	}
	ids, err := kind.EnqueueAll(ctx, queue, items)
	if err != nil {
		return refused(lines, err)
	}
	err = collect(ctx, queue, ids, c.Wait, newPrinter(s, c.JSON, len(ids)))
	if e, ok := errors.AsType[statusError](err); ok && c.Wait <= 0 && e.status == statusFailed {
		return nil // they are queued, which is all that was asked; that a worker was quicker is no failure of this command
	}
	return err
}

func (c *enqueueCommand) options() []tasks.Option {
	var options []tasks.Option
	if c.ID != "" {
		options = append(options, tasks.TaskID(c.ID))
	}
	if c.In != 0 {
		options = append(options, tasks.ProcessIn(c.In))
	}
	if c.Within != 0 {
		options = append(options, tasks.Within(c.Within))
	}
	return options
}

func actions() []string {
	kinds := tasks.Kinds()
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Action()
	}
	return names
}

type resultCommand struct {
	redisFlags

	ID   string        `arg:"" help:"The task's id."`
	Wait time.Duration `help:"Wait so long for the outcome." placeholder:"DURATION"`
	JSON bool          `help:"Print a JSON object." name:"json"`
}

// Run prints one task's outcome.
func (c *resultCommand) Run(ctx context.Context, s streams) error {
	client, err := c.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	queue := tasks.NewQueue(client)
	defer func() { _ = queue.Close() }()
	if _, err := queue.Outcome(ctx, c.ID); err != nil {
		return err
	}
	return collect(ctx, queue, []string{c.ID}, c.Wait, newPrinter(s, c.JSON, 1))
}
