package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/httpapi"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// actorFlags say who changes something, and why, for the audit.
type actorFlags struct {
	By     string `env:"DYPLSQ_BY" help:"Who does it, for the audit; by default the user who runs this." placeholder:"NAME"`
	Reason string `help:"Why, for the audit." placeholder:"TEXT"`
}

func (f actorFlags) name() string { return cmp.Or(f.By, userName()) }

func userName() string {
	current, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return current.Username
}

func (f actorFlags) entry(action, target string, detail map[string]string) audit.Entry {
	return audit.Entry{
		By: f.name(), Via: audit.CLI, Action: action, Target: target, Reason: f.Reason, Detail: detail,
	}
}

// audited writes a line of the audit and acts; where the line cannot be written, it does not act.
func (f redisFlags) audited(
	ctx context.Context,
	e audit.Entry,
	act func(context.Context) (detail map[string]string, err error),
) error {
	client, err := f.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return auditedBy(ctx, f.log(client), e, act)
}

// auditedBy is audited with a log that is there.
func auditedBy(
	ctx context.Context,
	log *audit.Log,
	e audit.Entry,
	act func(context.Context) (detail map[string]string, err error),
) error {
	err := log.Do(ctx, e, act)
	if errors.Is(err, audit.ErrNotWritten) && ctx.Err() == nil {
		return tasks.RedisError(err)
	}
	return err
}

// auditOf has the HTTP API write lines.
func auditOf(
	log *audit.Log,
) func(context.Context, httpapi.Change, func(context.Context) error) error {
	actions := map[string]string{
		httpapi.ChangeCancel: audit.Cancel, httpapi.ChangeResolve: audit.Resolve,
	}
	return func(ctx context.Context, c httpapi.Change, act func(context.Context) error) error {
		line := audit.Entry{
			By: c.By, Via: audit.API, Action: actions[c.Action], Target: c.ID,
			Detail: map[string]string{"token": c.Token, "as": c.As},
		}
		return auditedBy(ctx, log, line, func(ctx context.Context) (map[string]string, error) {
			return nil, act(ctx)
		})
	}
}

type auditCommand struct {
	redisFlags

	Since  *time.Duration `help:"Lines that were written so long ago or later: all of 180 days unless it is given." placeholder:"DURATION"`
	By     string         `help:"Lines of what this user did." placeholder:"NAME"`
	Action string         `help:"Lines of this action, such as cancel, bulk.retry or numbers.import." placeholder:"ACTION"`
	Target string         `help:"Lines about this task, call, queue, pool or endpoint." placeholder:"ID"`
	Limit  int            `default:"100" help:"How many lines are shown at the most (${default})." placeholder:"N"`
	Cursor string         `help:"Goes on where an earlier audit ended." placeholder:"CURSOR"`
	JSON   bool           `help:"Print one JSON object a line." name:"json"`
}

// Run shows lines, the newest first, page by page.
func (c *auditCommand) Run(ctx context.Context, s streams) error {
	client, err := c.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	filter := audit.Filter{By: c.By, Action: c.Action, Target: c.Target, Before: c.Cursor}
	if c.Since != nil {
		filter.Since = time.Now().Add(-*c.Since)
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		_, _ = fmt.Fprintln(table, "TIME\tBY\tVIA\tACTION\tTARGET\tREASON\tDETAIL")
	}
	for left := c.Limit; left > 0; {
		filter.Limit = min(left, listPage)
		lines, next, err := c.log(client).Read(ctx, filter)
		if err != nil {
			if _, invalid := errors.AsType[*dypls.ValidationError](err); invalid || ctx.Err() != nil {
				return err
			}
			return tasks.RedisError(err)
		}
		if err := c.write(s, table, lines); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		left -= len(lines)
		filter.Before = next
	}
	_, err = fmt.Fprintf(s.err, "dyplsq: others follow: --cursor %s\n", filter.Before)
	return err
}

// write prints a page at once, so that nobody waits for the others.
func (c *auditCommand) write(s streams, table *tabwriter.Writer, lines []audit.Entry) error {
	if c.JSON {
		return writeLines(s.out, lines)
	}
	for _, e := range lines {
		_, _ = fmt.Fprintln(table, strings.Join([]string{
			shownTime(e.At), oneLine(e.By), e.Via, e.Action,
			oneLine(e.Target), oneLine(e.Reason), oneLine(shownDetail(e.Detail)),
		}, "\t"))
	}
	return table.Flush()
}

// shownDetail is name=value for each, sorted.
func shownDetail(detail map[string]string) string {
	pairs := make([]string, 0, len(detail))
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		pairs = append(pairs, name+"="+detail[name])
	}
	return strings.Join(pairs, " ")
}

// oneLine keeps what somebody wrote from breaking a table, or a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
