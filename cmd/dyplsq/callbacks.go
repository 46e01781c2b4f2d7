package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type callbacksCommand struct {
	List   callbacksList   `cmd:"" help:"Show how each endpoint stands: what was delivered, waits, fails or was given up."`
	Test   callbacksTest   `cmd:"" help:"Send an endpoint a signed event of the type callback.test, now, and print what it answers."`
	Replay callbacksReplay `cmd:"" help:"Tell an endpoint again of what happened, and of all that failed or was given up, under the same ids."`
	Enable callbacksEnable `cmd:"" help:"Tell an endpoint again that answered 410, or rests, and send it all that waits."`
}

// withSender opens what tells endpoints, without having it do so.
func (f callbacksFlags) withSender(flags redisFlags, use func(*callbacks.Sender) error) error {
	endpoints, err := f.endpoints()
	if err != nil {
		return usage(err.Error())
	}
	queue, err := flags.queue(tasks.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	return flags.withCalls(func(store *calls.Store) error {
		sender, err := callbacks.New(callbacks.Config{
			Queue: queue, Calls: store, Redis: flags.config(), Keys: flags.sealing(), Endpoints: endpoints,
			Logger: zerolog.Nop(),
		})
		if err != nil {
			return usage(err.Error())
		}
		defer func() { _ = sender.Close() }()
		err = use(sender)
		if errors.Is(err, callbacks.ErrUnknownEndpoint) {
			return usage(err.Error())
		}
		return err
	})
}

// required refuses to go on without a file.
func (f callbacksFlags) required() error {
	if f.Callbacks == "" {
		return usage("--callbacks (DYPLSQ_CALLBACKS) must be given: the file of endpoints that dyplsq serve has")
	}
	return nil
}

type callbacksList struct {
	redisFlags
	callbacksFlags

	JSON bool `help:"Print one JSON object a line." name:"json"`
}

// Run shows how endpoints stand.
func (c *callbacksList) Run(ctx context.Context, s streams) error {
	return c.withSender(c.redisFlags, func(sender *callbacks.Sender) error {
		all, err := sender.Statuses(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeLines(s.out, all)
		}
		return endpointTable(s.out, all, c.Callbacks != "")
	})
}

func endpointTable(w io.Writer, all []callbacks.Status, listed bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ENDPOINT\tSTATE\tDELIVERED\tPENDING\tFAILING\tDEAD\tOLDEST\tLAST SUCCESS\tLAST FAILURE")
	for _, e := range all {
		state := "told"
		switch {
		case !e.DisabledAt.IsZero():
			state = "disabled since " + shownTime(e.DisabledAt)
		case !e.ResumesAt.IsZero():
			state = "rests until " + shownTime(e.ResumesAt)
		case listed && !e.Listed:
			state = "not in the file"
		}
		failure := shownTime(e.LastFailure)
		if e.LastError != "" {
			failure += "  " + e.LastError
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n",
			e.Endpoint, state, e.Delivered, e.Pending, e.Failing, e.Dead,
			shownTime(e.Oldest), shownTime(e.LastSuccess), failure)
	}
	return table.Flush()
}

type callbacksTest struct {
	redisFlags
	callbacksFlags

	Name string `arg:"" help:"The endpoint's, as the file has it."`
}

// Run sends one event, and waits for the answer.
func (c *callbacksTest) Run(ctx context.Context, s streams) error {
	if err := c.required(); err != nil {
		return err
	}
	return c.withSender(c.redisFlags, func(sender *callbacks.Sender) error {
		attempt, err := sender.Test(ctx, c.Name)
		if err != nil {
			return err
		}
		said := "no answer"
		if attempt.Status != 0 {
			said = strconv.Itoa(attempt.Status)
		}
		_, err = fmt.Fprintf(
			s.out, "%s: %s after %s\n", c.Name, said, attempt.Took.Round(time.Millisecond),
		)
		if err == nil && !attempt.Delivered() {
			return statusError{statusFailed, c.Name + " did not take it: " + attempt.Error}
		}
		return err
	})
}

type callbacksReplay struct {
	redisFlags
	actorFlags
	callbacksFlags

	Name  string        `arg:"" help:"The endpoint's, as the file has it."`
	Since time.Duration `help:"What happened so long ago or later." placeholder:"DURATION" required:""`
}

// Run has an endpoint told again.
func (c *callbacksReplay) Run(ctx context.Context, s streams) error {
	if err := c.required(); err != nil {
		return err
	}
	return c.withSender(c.redisFlags, func(sender *callbacks.Sender) error {
		line := c.entry(audit.CallbacksReplay, c.Name, map[string]string{"since": c.Since.String()})
		return c.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
			n, err := sender.Replay(ctx, c.Name, time.Now().Add(-c.Since))
			if n > 0 || err == nil {
				_, _ = fmt.Fprintf(s.out, "callbacks that are sent again: %d\n", n)
			}
			return map[string]string{"count": strconv.Itoa(n)}, err
		})
	})
}

type callbacksEnable struct {
	redisFlags
	actorFlags

	Name string `arg:"" help:"The endpoint's."`
}

// Run has an endpoint told again that does not want to be, or rests.
func (c *callbacksEnable) Run(ctx context.Context, s streams) error {
	return callbacksFlags{}.withSender(c.redisFlags, func(sender *callbacks.Sender) error {
		line := c.entry(audit.CallbacksEnable, c.Name, nil)
		err := c.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
			return nil, sender.Enable(ctx, c.Name)
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s is told again\n", c.Name)
		return err
	})
}
