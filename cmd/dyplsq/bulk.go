package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/textinput"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// bulkFlags have a command do to many tasks what it does to one.
type bulkFlags struct {
	Filter string `help:"In place of an id: all tasks that meet this, state=failed,code=isv.X,action=BindAxn,account=shop,since=2h or some of it." placeholder:"FILTER"`
	Yes    bool   `help:"With --filter: do not ask."`
	JSON   bool   `help:"With --filter: print the report as JSON." name:"json"`
}

// check refuses what does not go together. id is that of one task.
func (f bulkFlags) check(command, id, reason string) error {
	switch {
	case (id == "") == (f.Filter == ""):
		return usage(command + " must be told of which tasks: an id, or --filter")
	case f.Filter == "" && (f.Yes || f.JSON):
		return usage("--yes and --json go with --filter: leave them out")
	case f.Filter != "" && strings.TrimSpace(reason) == "":
		return usage("--filter needs --reason TEXT: it is kept in the audit")
	case id != "":
		return tasks.CheckID(id)
	}
	return nil
}

// bulk says what would be done, asks, and does it.
func (f redisFlags) bulk(
	ctx context.Context,
	s streams,
	verb bulk.Verb,
	flags bulkFlags,
	who actorFlags,
	keep time.Duration,
) error {
	filter, err := bulk.ParseFilter(flags.Filter, time.Now())
	if err != nil {
		return err
	}
	queue, err := f.queue(tasks.Config{Retention: keep})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	client, err := f.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	plan, err := bulk.Preview(ctx, queue, verb, filter)
	if err != nil {
		return err
	}
	if err := confirm(ctx, s, plan, flags.Yes); err != nil || len(plan.Tasks) == 0 {
		return err
	}
	progress, finish := carryBar(s, len(plan.Tasks))
	actor := bulk.Actor{By: who.name(), Via: audit.CLI, Reason: who.Reason}
	report, err := plan.Carry(ctx, f.log(client), actor, progress)
	finish()
	if errors.Is(err, audit.ErrNotWritten) && ctx.Err() == nil {
		err = tasks.RedisError(err)
	}
	return errors.Join(flags.write(s, report), carried(report, err))
}

// consequences are what a verb does, as the question has it.
var consequences = map[bulk.Verb]string{
	bulk.Cancel:    "are canceled: they fail as dyplsq.Canceled",
	bulk.Retry:     "are tried again, with all their attempts",
	bulk.Fail:      "are settled as failed: it is said of each that no call took effect",
	bulk.CallAgain: "are called again. EACH WHOSE LOST CALL TOOK EFFECT IS THEN BOUND TWICE, and uses up a second number",
}

// confirm tells what is to be done, and has somebody at a terminal agree.
func confirm(ctx context.Context, s streams, plan bulk.Plan, yes bool) error {
	_, _ = fmt.Fprintf(s.err, "dyplsq: %s\n", plan.Summary())
	if plan.Withheld > 0 {
		_, _ = fmt.Fprintf(s.err, "dyplsq: %d others failed after a call that may have taken effect, and are left: "+
			"look at each with explain, and retry it by its id\n", plan.Withheld)
	}
	if len(plan.Tasks) == 0 {
		return nil
	}
	if plan.More {
		_, _ = fmt.Fprintf(s.err, "dyplsq: others may meet the filter: do it again for them\n")
	}
	_, _ = fmt.Fprintf(s.err, "dyplsq: they %s\n", consequences[plan.Verb])
	if yes {
		return nil
	}
	if in, is := s.in.(*os.File); !is || !isTerminal(in) || !isTerminal(s.err) {
		return usage("nothing was changed: where nobody can be asked, add --yes")
	}
	_, _ = fmt.Fprint(s.err, "Go on? [y/N] ")
	in := textinput.Open(ctx, textinput.Stdin, s.in)
	defer func() { _ = in.Close() }()
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return statusError{statusFailed, "nothing was changed"}
	}
	return nil
}

// carryBar shows how far it is, on a terminal alone.
func carryBar(s streams, total int) (progress func(done int), finish func()) {
	if !isTerminal(s.err) {
		return func(int) {}, func() {}
	}
	bar := progressbar.NewOptions(
		total,
		progressbar.OptionSetWriter(s.err),
		progressbar.OptionSetDescription("tasks"),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(barEvery),
	)
	return func(done int) { _ = bar.Set(done) }, func() { _ = bar.Finish() }
}

// write prints what came of it.
func (f bulkFlags) write(s streams, r bulk.Report) error {
	if f.JSON {
		return writeLines(s.out, []bulk.Report{r})
	}
	for _, d := range r.Differed {
		if _, err := fmt.Fprintf(s.out, "%s  left: %s\n", d.ID, d.Why); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.out, "%d of %d done, %d left as they are, %d not come to\n", r.Done, r.Counted, len(r.Differed), r.Left)
	return err
}

// carried is the exit status that a report amounts to.
func carried(r bulk.Report, err error) error {
	switch {
	case err != nil:
		return err
	case len(r.Differed) > 0:
		return statusError{statusFailed, fmt.Sprintf("%d were no longer what they were counted as", len(r.Differed))}
	}
	return nil
}

type retryCommand struct {
	redisFlags
	actorFlags
	bulkFlags

	ID           string `arg:"" help:"The id of a task that failed." optional:""`
	MayBindTwice bool   `help:"With --filter state=uncertain: make the calls of uncertain tasks again. Each whose lost call took effect is then bound twice, and uses up a second number."`
}

// Run lets tasks that failed run again.
func (c *retryCommand) Run(ctx context.Context, s streams) error {
	if err := c.check("retry", c.ID, c.Reason); err != nil {
		return err
	}
	if c.ID == "" {
		verb := bulk.Retry
		if c.MayBindTwice {
			verb = bulk.CallAgain
		}
		return c.bulk(ctx, s, verb, c.bulkFlags, c.actorFlags, 0)
	}
	if c.MayBindTwice {
		return usage("--may-bind-twice goes with --filter: an uncertain task is called again by resolve " + c.ID + " --retry")
	}
	return c.withQueue(func(queue *tasks.Queue) error {
		entry := c.entry(audit.Retry, c.ID, nil)
		return c.audited(ctx, entry, func(ctx context.Context) (map[string]string, error) {
			return nil, queue.Retry(ctx, c.ID, c.name())
		})
	})
}
