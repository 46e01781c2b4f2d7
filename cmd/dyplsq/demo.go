package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
)

const demoBanner = `dyplsq demo: everything in memory and in a temporary folder, lost on exit. Redis is embedded, the API is simulated, no number is real.
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
	call, err := newTourCall()
	if err != nil {
		return err
	}
	defer func() { call.clean(s.err, err != nil) }()
	rows, err := performTour(ctx, call, zerolog.New(zerolog.SyncWriter(&log)))
	if err != nil {
		return fmt.Errorf("the demo did not finish: %w", err)
	}
	return printTour(s, rows)
}

func performTour(
	ctx context.Context,
	call *tourCall,
	log zerolog.Logger,
) (rows []tourRow, err error) {
	system, err := dyplsqtest.Serve(ctx, dyplsqtest.Config{Logger: log, API: call.api()})
	if err != nil {
		return nil, errors.Join(err, call.close())
	}
	defer func() { err = errors.Join(err, call.close(), system.Close()) }()
	if err = call.start(ctx, system, log); err != nil {
		return nil, err
	}
	return takeTour(ctx, system, call)
}

func printTour(s streams, rows []tourRow) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tTASK\tACTION\tSTATE\tCODE\tATTEMPTS\tCALLS\tRESULT\tAS EXPECTED")
	unexpected := 0
	for _, row := range rows {
		if row.wrong {
			unexpected++
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", strings.Join(row.cells, "\t"), row.verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return statusError{statusFailed, fmt.Sprintf("%d outcomes are not as expected", unexpected)}
	}
	return nil
}
