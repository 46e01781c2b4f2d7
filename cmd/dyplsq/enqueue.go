package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type enqueueCommand struct {
	redisFlags

	Action   string         `arg:"" help:"The API's own name: BindAxn, BindAxb, BindAxnExtension, BindAxg, UnbindSubscription, UpdateSubscription, QueryRecordFileDownloadUrl."`
	Input    string         `arg:"" help:"One JSON object with the API's parameter names and an optional TaskID, Account and Callback, or - to read one object a line, or an array of them, from standard input." name:"json" optional:""`
	File     string         `help:"Read one object a line, or an array of them, from a file instead; - for standard input." placeholder:"F" short:"f"`
	Account  *string        `env:"DYPLSQ_ACCOUNT" help:"The account of tasks that name none, as the workers know it." placeholder:"NAME"`
	Callback *string        `help:"The endpoint of callbacks that is to be told of tasks that name none, as the senders know it." placeholder:"NAME"`
	ID       *string        `help:"Your key for the task: the same key and request again is the same task." name:"id" placeholder:"KEY"`
	Within   *time.Duration `help:"Useless so long after its scheduled time: fail as dyplsq.Expired." placeholder:"DURATION"`
	In       time.Duration  `help:"Start so much later; 0 for at once." placeholder:"DURATION"`
	Wait     time.Duration  `help:"Wait so long for the outcomes; 0 not to wait." placeholder:"DURATION"`
	JSON     bool           `help:"Print one JSON object a line." name:"json"`

	RecordingRetention time.Duration `default:"720h" env:"DYPLSQ_RECORDING_RETENTION" help:"How long after its call a recording is asked for (${default})." name:"recording-retention" placeholder:"DURATION"`
	WaitReplicas       int           `env:"DYPLSQ_WAIT_REPLICAS" help:"Replicas of Redis that must hold a task before it counts as enqueued; 0 for none." placeholder:"N"`
}

// Run checks everything, enqueues all or nothing, and prints an outcome for each.
func (c *enqueueCommand) Run(ctx context.Context, s streams) error {
	kind, known := tasks.Lookup(c.Action)
	if !known {
		return usage(
			"unknown action: " + suggestion(c.Action, actions()) + "take one of " + strings.Join(
				actions(),
				", ",
			),
		)
	}
	lines, err := readInput(ctx, c.Input, c.File, s.in)
	if err != nil {
		return err
	}
	if err := c.checkID(lines); err != nil {
		return err
	}
	items, err := decodeAll(kind, lines, c.options())
	if err != nil {
		return err
	}
	spans := openTraces(ctx, "enqueue", zerolog.Nop())
	defer spans.close(ctx)
	queue, err := c.queue(tasks.Config{
		RecordingRetention: c.RecordingRetention, WaitReplicas: c.WaitReplicas,
		TracerProvider: spans.provider,
	})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	if err := queue.Ping(ctx); err != nil {
		return err
	}
	failedBefore := map[int]bool{}
	for i := range items {
		items[i].Options = append(
			items[i].Options,
			tasks.IfKnown(func(s tasks.State) { failedBefore[i] = s == tasks.StateFailed }),
		)
	}
	caller := tracing.Origin{Parent: os.Getenv("TRACEPARENT"), State: os.Getenv("TRACESTATE")}
	ids, err := queue.EnqueueAll(caller.Remote(ctx), items)
	if errors.Is(err, tasks.ErrUnreachable) || errors.Is(err, context.Canceled) {
		c.keysToRepeat(s.err, lines, ids)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return statusError{
			statusFailed,
			"interrupted: a part may be queued; run it again with the same keys, and nothing doubles",
		}
	case err != nil:
		return refused(lines, err)
	}
	p := newPrinter(s, c.JSON, len(ids))
	p.enqueued = true
	for i, failed := range failedBefore {
		p.before[ids[i]] = failed
	}
	return collect(ctx, queue, ids, c.Wait, p)
}

// keysToRepeat tells the keys of tasks that may be queued and had none of their own: without them,
// a second try would double them.
func (c *enqueueCommand) keysToRepeat(w io.Writer, lines []line, ids []string) {
	said := false
	for i, id := range ids {
		if c.ID != nil || ownKey(lines[i]) != nil {
			continue
		}
		if !said {
			said = true
			_, _ = fmt.Fprintln(
				w,
				"These lines had no TaskID, and a part may be queued. Give them these when you repeat it, and nothing doubles:",
			)
		}
		_, _ = fmt.Fprintf(w, "%s: \"TaskID\":%q\n", lines[i].where, id)
	}
}

func (c *enqueueCommand) options() []tasks.Option {
	var options []tasks.Option
	if c.Account != nil {
		options = append(options, tasks.Account(*c.Account))
	}
	if c.Callback != nil {
		options = append(options, tasks.Callback(*c.Callback))
	}
	if c.ID != nil {
		options = append(options, tasks.TaskID(*c.ID))
	}
	if c.In != 0 {
		options = append(options, tasks.ProcessIn(c.In))
	}
	if c.Within != nil {
		options = append(options, tasks.Within(*c.Within))
	}
	return options
}

// checkID refuses a key that cannot be meant: for many tasks at once, or another than the object's
// own.
func (c *enqueueCommand) checkID(lines []line) error {
	if c.ID == nil {
		return nil
	}
	if len(lines) > 1 {
		return usage("--id goes with one object: in a batch, give each its own TaskID")
	}
	if own := ownKey(lines[0]); own != nil && *own != *c.ID {
		return usage("--id and the object's own TaskID differ: give one of them")
	}
	return nil
}

// ownKey is the key that an object names, nil for none.
func ownKey(l line) *string {
	var own struct {
		TaskID *string `json:"TaskID"`
	}
	if json.Unmarshal(l.data, &own) != nil {
		return nil
	}
	return own.TaskID
}

// suggestion names what was probably meant, where anything is near.
func suggestion(name string, known []string) string {
	near := dypls.Nearest(name, known)
	if len(near) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(near, " or ") + "? If not, "
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
	Wait time.Duration `help:"Wait so long for the outcome; 0 not to wait." placeholder:"DURATION"`
	JSON bool          `help:"Print a JSON object." name:"json"`
}

// Run prints one task's outcome.
func (c *resultCommand) Run(ctx context.Context, s streams) error {
	if err := tasks.CheckID(c.ID); err != nil {
		return err
	}
	queue, err := c.queue(tasks.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	if _, err := queue.Outcome(ctx, c.ID); err != nil {
		return err
	}
	return collect(ctx, queue, []string{c.ID}, c.Wait, newPrinter(s, c.JSON, 1))
}
