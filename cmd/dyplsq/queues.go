package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type queuesCommand struct {
	redisFlags

	JSON bool `help:"Print one JSON object a line, also on a terminal." name:"json"`
}

// Run shows how every queue stands.
func (c *queuesCommand) Run(ctx context.Context, s streams) error {
	return c.withQueue(func(queue *tasks.Queue) error {
		infos, err := queue.Stats(ctx)
		if err != nil {
			return err
		}
		if c.JSON || !isTerminal(s.out) {
			return writeLines(s.out, infos)
		}
		return queueTable(s.out, infos)
	})
}

func queueTable(w io.Writer, infos []tasks.QueueStats) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(
		table,
		"QUEUE\tSTATE\tPENDING\tACTIVE\tSCHEDULED\tRETRY\tARCHIVED\tTODAY\tFAILED\tWAITING FOR",
	)
	for _, q := range infos {
		state := "running"
		if q.Paused {
			state = "paused"
		}
		_, _ = fmt.Fprintf(
			table,
			"%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
			q.Queue,
			state,
			q.Pending,
			q.Active,
			q.Scheduled,
			q.Retry,
			q.Archived,
			q.Processed,
			q.Failed,
			time.Duration(q.LatencyMS)*time.Millisecond,
		)
	}
	return table.Flush()
}

type pauseCommand struct {
	redisFlags
	actorFlags

	Queues []string `arg:"" help:"Such as bind, unbind, update or query, each with all its shards, bind.0, one of them, or callback.NAME, through which an endpoint is told." name:"queue"`
}

// Run pauses queues.
func (c *pauseCommand) Run(ctx context.Context, s streams) error {
	const done = "paused: what workers have fetched is performed, nothing else is"
	return c.each(ctx, s, c.Queues, c.entry(audit.Pause, "", nil), done, (*tasks.Queue).Pause)
}

type resumeCommand struct {
	redisFlags
	actorFlags

	Queues []string `arg:"" help:"Such as bind, unbind, update or query, each with all its shards, bind.0, one of them, or callback.NAME, through which an endpoint is told." name:"queue"`
}

// Run ends pauses.
func (c *resumeCommand) Run(ctx context.Context, s streams) error {
	return c.each(ctx, s, c.Queues, c.entry(audit.Resume, "", nil), "running", (*tasks.Queue).Resume)
}

// each does something to queues, one after the other, and says what it did.
func (f redisFlags) each(
	ctx context.Context,
	s streams,
	names []string,
	line audit.Entry,
	done string,
	do func(*tasks.Queue, context.Context, string) error,
) error {
	return f.withQueue(func(queue *tasks.Queue) error {
		for _, name := range names {
			line.Target = name
			err := f.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
				return nil, do(queue, ctx, name)
			})
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(s.err, "dyplsq: %s is %s\n", name, done)
		}
		return nil
	})
}

func (f redisFlags) withQueue(use func(*tasks.Queue) error) error {
	queue, err := f.queue(tasks.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	return use(queue)
}

// writeLines writes one JSON object a line.
func writeLines[T any](w io.Writer, values []T) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, v := range values {
		if err := encoder.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
