package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

// bench is one run of this program.
type bench struct {
	settings

	postgres   *rig.Postgres // nil: not installed
	contenders []contender.Contender
	claims     []claim
	// 1 worker, 1 ms round trip, 50 ms calls; nil: not measured in this run
	farAndSlow taken
	halfLoad   int                // tasks a second; 0: not measured in this run
	pings      []time.Duration    // through lines
	reached    map[string]float64 // tasks a second, by contender and conditions
	started    time.Time
}

// section is what a scenario found out.
type section struct {
	text   string         // Markdown
	groups []figure.Group // for the chart
}

// scenario measures one thing.
type scenario struct {
	name, title string
	run         func(*bench, context.Context) (section, error)
}

// scenarios in the order in which they run.
func scenarios() []scenario {
	return []scenario{
		{"throughput", "Tasks a second, drained", (*bench).throughput},
		{"workers", "The same slots in more workers", (*bench).workers},
		{"scale", "More workers, more masters", (*bench).scale},
		{"enqueue", "Enqueueing", (*bench).enqueue},
		{"latency", "From enqueueing to the outcome", (*bench).latency},
		{"idle", "Idle", (*bench).idle},
		{"size", "Memory of a task", (*bench).size},
		{"keys", "Sealed by keys", (*bench).sealed},
		{"backlog", "A long queue", (*bench).backlog},
		{"quota", "A quota that changes", (*bench).quota},
		{"http", "Over HTTP", (*bench).http},
		{"receipts", "Receipts", (*bench).receipts},
		{"recordings", "Recordings", (*bench).recordings},
	}
}

func names() []string {
	all := make([]string, 0, len(scenarios()))
	for _, s := range scenarios() {
		all = append(all, s.name)
	}
	return all
}

func known(scenario string) bool { return slices.Contains(names(), scenario) }

// run measures, prints, and writes the page where it is asked to. What it starts ends before it
// returns.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	b := &bench{settings: s, started: time.Now(), reached: map[string]float64{}}
	if b.program == "" {
		program, remove, err := build(ctx, !b.short)
		if err != nil {
			return err
		}
		defer remove()
		b.program = program
	}
	b.postgres, err = rig.StartPostgres(ctx)
	switch {
	case errors.Is(err, rig.ErrNoPostgres):
		_, _ = fmt.Fprintf(os.Stderr, "speed: River is left out: %v\n", err)
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, b.postgres.Close()) }()
	}
	if err := b.choose(); err != nil {
		return err
	}
	machine := fmt.Sprintf("Measured on %s; load before it %s.", rig.Machine(ctx), rig.Load())
	_, _ = fmt.Fprintf(out, "%s\n", machine)
	return b.measure(ctx, machine, out)
}

func (b *bench) measure(ctx context.Context, machine string, out io.Writer) error {
	for _, s := range scenarios() {
		if len(b.scenarios) > 0 && !slices.Contains(b.scenarios, s.name) {
			continue
		}
		found, err := s.run(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		_, _ = fmt.Fprintf(out, "\n## %s\n\n%s", s.title, found.text)
		if b.write == "" {
			continue
		}
		if err := b.publish(s, machine, found); err != nil {
			return err
		}
	}
	if text := claimsText(b.claims); text != "" && !b.short {
		_, _ = fmt.Fprintf(out, "\n## What must be shown\n\n%s", text)
	}
	b.progressf("done after %.0f s", time.Since(b.started).Seconds())
	return nil
}

// publish puts a scenario's table, and its chart, where people read it.
func (b *bench) publish(s scenario, machine string, found section) error {
	text := found.text + "\n" + machine + "\n"
	if len(found.groups) > 0 {
		name := s.name + ".svg"
		var chart strings.Builder
		if err := figure.WriteChart(&chart, s.title, found.groups); err != nil {
			return err
		}
		path := filepath.Join(filepath.Dir(b.write), name)
		if err := os.WriteFile(path, []byte(chart.String()), 0o644); err != nil { //nolint:gosec // for everybody
			return err
		}
		text = fmt.Sprintf("![%s](%s)\n\n", s.title, name) + text
	}
	return figure.Replace(b.write, s.name, text)
}

// roundsOr is how often a figure is taken, by a scenario's own judgement unless it was asked for
// otherwise.
func (b *bench) roundsOr(own int) int {
	if b.rounds > 0 {
		return b.rounds
	}
	return own
}

// progressf tells a person how far it is.
func (b *bench) progressf(format string, args ...any) {
	info, err := os.Stderr.Stat()
	if b.verbose || err == nil && info.Mode()&os.ModeCharDevice != 0 {
		_, _ = fmt.Fprintf(
			os.Stderr, "%4.0f s  %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, args...),
		)
	}
}
