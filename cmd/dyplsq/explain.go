package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type explainCommand struct {
	redisFlags

	ID   string `arg:"" help:"The task's id."`
	JSON bool   `help:"Print one JSON object." name:"json"`
}

// Run tells what happened to a task.
func (c *explainCommand) Run(ctx context.Context, s streams) error {
	if err := tasks.CheckID(c.ID); err != nil {
		return err
	}
	return c.withQueue(func(queue *tasks.Queue) error {
		e, err := queue.Explain(ctx, c.ID)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return writeLines(s.out, []tasks.Explanation{e})
		}
		return explain(s.out, e)
	})
}

// explain writes for people: what and why first, then how it came about.
func explain(w io.Writer, e tasks.Explanation) error {
	text := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(text, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	when := func(name string, at time.Time) {
		if !at.IsZero() {
			line(name, "%s", inWords(at, e.At))
		}
	}
	line("task", "%s  %s  %s", e.ID, e.Action, e.State)
	if e.Account != "" {
		line("account", "%s", e.Account)
	}
	if e.Callback != "" {
		line("callback", "%s", e.Callback)
	}
	line("why", "%s", e.Why)
	when("until", e.Until)
	if e.Remedy != "" {
		line("remedy", "%s", e.Remedy)
	}
	when("enqueued", e.EnqueuedAt)
	if e.ProcessAt.Sub(e.EnqueuedAt) > time.Second {
		when("meant for", e.ProcessAt)
	}
	when("no call after", e.Deadline)
	when("finished", e.FinishedAt)
	when("kept until", e.KeptUntil)
	line("calls", "%d, of which %d count as attempts", e.Calls, e.Attempts)
	if e.Code != "" {
		line("latest", "%s", strings.Join(nonEmpty(e.Code, e.Class, e.RequestID), "  "))
	}
	line("delivery", "%s in queue %s: %s", e.Delivery.ID, e.Delivery.Queue, e.Delivery.State)
	for _, fact := range facts(e) {
		line("note", "%s", fact)
	}
	if len(e.Request) > 0 {
		line("request", "%s", request(e.Request))
	}
	if err := text.Flush(); err != nil {
		return err
	}
	return explainSteps(w, e)
}

// facts are what is rarely so.
func facts(e tasks.Explanation) []string {
	var facts []string
	add := func(is bool, format string, args ...any) {
		if is {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	add(
		e.MayHaveRun,
		"an earlier call may have taken effect although the API said otherwise, or nothing",
	)
	add(
		e.Suspect,
		"it was called again although an earlier call could not be looked up: a second number may be used up",
	)
	add(e.Crashes > 0, "%d workers in a row ended while performing it", e.Crashes)
	add(e.BindTask != "", "it removes the binding of task %s", e.BindTask)
	add(e.ResolvedBy != "", "settled by hand: %s", e.ResolvedBy)
	add(e.ReopenedBy != "", "let run again after it had failed: %s", e.ReopenedBy)
	return facts
}

func explainSteps(w io.Writer, e tasks.Explanation) error {
	if len(e.Steps) == 0 {
		_, err := fmt.Fprintln(w, "no attempt has failed")
		return err
	}
	if e.Forgotten {
		_, _ = fmt.Fprintln(w, "earlier steps are not kept")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHEN\tWHAT\tCODE\tCLASS\tTOOK\tREQUEST ID")
	for _, step := range e.Steps {
		took := ""
		if step.TookMS > 0 {
			took = (time.Duration(step.TookMS) * time.Millisecond).String()
		}
		_, _ = fmt.Fprintf(
			table,
			"%s\t%s\t%s\t%s\t%s\t%s\n",
			inWords(step.At, e.At),
			what(step),
			step.Code,
			step.Class,
			took,
			step.RequestID,
		)
	}
	return table.Flush()
}

func what(step tasks.Step) string {
	text := map[string]string{
		"call": "call", "look": "look for an earlier call",
		"late": "answer of an earlier run", "cut": "call: its worker ended",
		"cutlook": "look: its worker ended", "resolved": "settled by hand: " + step.As,
		"reopened": "let run again",
	}[step.Kind]
	text = cmp.Or(text, step.Kind)
	switch {
	case step.Attempt > 0 && step.Counts:
		return fmt.Sprintf("%s (attempt %d)", text, step.Attempt)
	case step.Attempt > 0:
		return text + " (not counted)"
	}
	return text
}

// inWords is a time, and how far from now that is.
func inWords(at, now time.Time) string {
	text := at.Local().Format(time.RFC3339)
	switch d := at.Sub(now).Round(time.Second); {
	case d > 0:
		return text + " (in " + span(d) + ")"
	case d < 0:
		return text + " (" + span(-d) + " ago)"
	}
	return text + " (now)"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d > 2*day { //nolint:mnd // from there on nobody counts hours
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

func request(parameters map[string]string) string {
	words := make([]string, 0, len(parameters))
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		words = append(words, name+"="+parameters[name])
	}
	return strings.Join(words, "  ")
}

func nonEmpty(words ...string) []string {
	return slices.DeleteFunc(words, func(word string) bool { return word == "" })
}
