package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
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
	Count   bool           `help:"Count them, by state, code, action and account, and list none."`
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
		if c.Count {
			return c.count(ctx, s, queue, filter)
		}
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
			v.ID, v.Action, v.State, codeOf(v), strconv.Itoa(v.Attempts),
			shownTime(v.EnqueuedAt), shownTime(v.FinishedAt), v.RequestID,
		}, "\t"))
	}
	return table.Flush()
}

// count prints how many there are.
func (c *listCommand) count(
	ctx context.Context, s streams, queue *tasks.Queue, filter tasks.Filter,
) error {
	counts, err := queue.Count(ctx, filter)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeLines(s.out, []tasks.Counts{counts})
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, group := range []struct {
		heading string
		counts  map[string]int
	}{
		{"STATE", counts.States}, {"CODE", counts.Codes}, {"ACTION", counts.Actions},
		{"ACCOUNT", counts.Accounts},
	} {
		if len(group.counts) > 0 {
			_, _ = fmt.Fprintf(table, "%s\tTASKS\n", group.heading)
		}
		for _, name := range mostFirst(group.counts) {
			_, _ = fmt.Fprintf(table, "%s\t%d\n", name, group.counts[name])
		}
	}
	_, _ = fmt.Fprintf(table, "TOTAL\t%d\n", counts.Tasks)
	if err := table.Flush(); err != nil || counts.Complete {
		return err
	}
	_, err = fmt.Fprintf(
		s.err, "dyplsq: these are among the newest 100,000; in all there are %d at the most\n", counts.AtMost,
	)
	return err
}

// mostFirst are the names of counts, the largest first.
func mostFirst(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// codeOf is a task's code, and that what is recorded of it does not open here.
func codeOf(v tasks.View) string {
	if v.Undecryptable == "" {
		return v.Code
	}
	return strings.TrimSpace(v.Code + " (undecryptable)")
}
