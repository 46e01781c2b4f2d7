package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
)

const demoBanner = `dyplsq demo: everything in memory, lost on exit. Redis is embedded, the API is simulated, no number is real.
`

type demoCommand struct {
	Timeout time.Duration `default:"60s" help:"Give up after (${default})." placeholder:"DURATION"`
}

// Run performs one of everything and compares each outcome with what it should be. The worker's log
// is shown only when something went wrong.
func (c *demoCommand) Run(ctx context.Context, s streams) (err error) {
	_, _ = fmt.Fprint(s.err, demoBanner)
	var log bytes.Buffer
	defer func() {
		if err != nil {
			_, _ = log.WriteTo(s.err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	system, err := dyplsqtest.Serve(ctx, dyplsqtest.Config{
		Logger: zerolog.New(zerolog.SyncWriter(&log)), API: dyplstest.Config{Faults: tourFaults()},
	})
	if err != nil {
		return err
	}
	steps, err := takeTour(ctx, system.Queue)
	if err = errors.Join(err, system.Close()); err != nil {
		return fmt.Errorf("the demo did not finish: %w", err)
	}
	return printTour(s, steps)
}

func printTour(s streams, steps []tourStep) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tTASK\tACTION\tSTATE\tCODE\tATTEMPTS\tCALLS\tRESULT\tAS EXPECTED")
	unexpected := 0
	for _, step := range steps {
		verdict := "yes"
		if !step.asExpected() {
			verdict = fmt.Sprintf("NO: %s %s, calls %d", step.state, step.code, step.calls)
			unexpected++
		}
		o := step.outcome
		_, _ = fmt.Fprintf(
			table,
			"%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n",
			step.what,
			o.ID,
			o.Action,
			o.State,
			o.Code,
			o.Attempts,
			o.Calls,
			resultForPeople(o.Result),
			verdict,
		)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return statusError{statusFailed, fmt.Sprintf("%d outcomes are not as expected", unexpected)}
	}
	return nil
}
