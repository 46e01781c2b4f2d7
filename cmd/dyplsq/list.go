package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type listCommand struct {
	redisFlags

	State   []string       `help:"Tasks in this state: pending, succeeded, failed or uncertain; or queued, calling, looking or waiting. May be given several times." placeholder:"STATE"`
	Code    string         `help:"Tasks whose outcome, or latest attempt, has this code." placeholder:"CODE"`
	Action  string         `help:"Tasks of this action, such as BindAxn." placeholder:"ACTION"`
	Account string         `help:"Tasks of this account; default for those that name none." placeholder:"NAME"`
	Since   *time.Duration `help:"Tasks that were finished so long ago or later, or enqueued where they have no outcome yet." placeholder:"DURATION"`
	Limit   int            `default:"100" help:"How many tasks are listed at the most (${default})." placeholder:"N"`
	Cursor  string         `help:"Goes on where an earlier list ended." placeholder:"CURSOR"`
	JSON    bool           `help:"Print one JSON object a line." name:"json"`
}

// Run lists tasks, the newest first, page by page.
func (c *listCommand) Run(ctx context.Context, s streams) error {
	filter := tasks.Filter{Action: c.Action, Code: c.Code, Account: c.Account, Cursor: c.Cursor}
	for _, state := range c.State {
		filter.States = append(filter.States, tasks.State(state))
	}
	if c.Since != nil {
		filter.Since = time.Now().Add(-*c.Since)
	}
	return c.withQueue(func(queue *tasks.Queue) error {
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		if !c.JSON {
			_, _ = fmt.Fprintln(table, "TASK\tACTION\tSTATE\tCODE\tATTEMPTS\tENQUEUED\tFINISHED\tREQUEST ID")
		}
		for left := c.Limit; left > 0; {
			filter.Limit = min(left, listPage)
			views, next, err := queue.List(ctx, filter)
			if err != nil {
				return err
			}
			if err := c.write(s, table, views); err != nil {
				return err
			}
			if next == "" {
				return nil
			}
			left -= len(views)
			filter.Cursor = next
		}
		_, err := fmt.Fprintf(s.err, "dyplsq: others follow: --cursor %s\n", filter.Cursor)
		return err
	})
}

// write prints a page at once, so that nobody waits for the others.
func (c *listCommand) write(s streams, table *tabwriter.Writer, views []tasks.View) error {
	if c.JSON {
		return writeLines(s.out, views)
	}
	for _, v := range views {
		_, _ = fmt.Fprintln(table, strings.Join([]string{
			v.ID, v.Action, v.State, v.Code, strconv.Itoa(v.Attempts),
			shownTime(v.EnqueuedAt), shownTime(v.FinishedAt), v.RequestID,
		}, "\t"))
	}
	return table.Flush()
}
