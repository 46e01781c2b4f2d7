package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// printer writes outcomes, for programs (JSON, whole) or for people (masked), and remembers what
// they amount to.
type printer struct {
	out     *bufio.Writer
	errors  io.Writer
	json    bool
	before  map[string]bool // failed before they were enqueued
	bar     *progressbar.ProgressBar
	printed map[string]bool
	counts  map[tasks.State]int
	locked  int // results that do not open
	err     error

	enqueued bool // just now, by this command
}

// barEvery is how often the progress bar is drawn.
const barEvery = 100 * time.Millisecond

func newPrinter(s streams, asJSON bool, total int) *printer {
	p := &printer{
		out:     bufio.NewWriter(s.out),
		errors:  s.err,
		json:    asJSON,
		before:  map[string]bool{},
		printed: map[string]bool{},
		counts:  map[tasks.State]int{},
	}
	if file, ok := s.err.(*os.File); ok && total > 1 && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(
			total,
			progressbar.OptionSetWriter(s.err),
			progressbar.OptionSetDescription("outcomes"),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("task"),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery),
		)
	}
	return p
}

func (p *printer) print(o tasks.Outcome) {
	if p.printed[o.ID] {
		return
	}
	p.printed[o.ID] = true
	p.counts[o.State]++
	if o.Undecryptable != "" {
		p.locked++
	}
	again := ""
	if p.before[o.ID] {
		again = fmt.Sprintf(
			"failed at %s under this key, and was not tried again: take a new key to try it",
			o.FinishedAt.Format(time.RFC3339),
		)
	}
	if p.json {
		if again != "" {
			_, _ = fmt.Fprintf(p.errors, "%s  %s\n", o.ID, again)
		}
		encoder := json.NewEncoder(p.out)
		encoder.SetEscapeHTML(false)
		p.note(encoder.Encode(o))
	} else {
		line := forPeople(o)
		if again != "" {
			line += "  " + again
		}
		_, err := fmt.Fprintln(p.out, line)
		p.note(err)
	}
	if p.bar != nil {
		_ = p.bar.Add(1)
		return
	}
	p.note(p.out.Flush())
}

func (p *printer) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	p.note(p.out.Flush())
}

// note keeps the first failure to write: an outcome that nobody got must not look like one that was
// told.
func (p *printer) note(err error) {
	p.err = cmp.Or(p.err, err)
}

func (p *printer) missing(ids []string) []string {
	var missing []string
	for _, id := range ids {
		if !p.printed[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// verdict is the exit status that the outcomes amount to; pending ones matter when they were waited
// for.
func (p *printer) verdict(waited bool) error {
	p.finish()
	switch {
	case p.err != nil && p.enqueued:
		return fmt.Errorf(
			"the tasks are enqueued, but their outcomes could not be written: %w: do not enqueue them anew, look them up with dyplsq result",
			p.err,
		)
	case p.err != nil:
		return fmt.Errorf("outcomes could not be written: %w", p.err)
	case p.counts[tasks.StateUnknown] > 0:
		return usage(
			fmt.Sprintf("%d of the tasks are unknown: their records are gone", p.counts[tasks.StateUnknown]),
		)
	case waited && p.counts[tasks.StatePending] > 0:
		return statusError{statusPending, fmt.Sprintf("%d still pending", p.counts[tasks.StatePending])}
	case p.counts[tasks.StateFailed]+p.counts[tasks.StateUncertain] > 0:
		return statusError{
			statusFailed,
			fmt.Sprintf(
				"%d failed, %d uncertain",
				p.counts[tasks.StateFailed],
				p.counts[tasks.StateUncertain],
			),
		}
	case p.locked > 0:
		return statusError{statusFailed, fmt.Sprintf("%d results do not open: see dyplsq keys status", p.locked)}
	}
	return nil
}

// forPeople is one line, numbers masked.
func forPeople(o tasks.Outcome) string {
	parts := []string{o.ID, o.Action, string(o.State)}
	if o.State == tasks.StatePending || o.State == tasks.StateUnknown {
		return strings.Join(parts, "  ")
	}
	parts = append(parts, o.Code)
	if o.Message != "" && o.Message != o.Code {
		parts = append(parts, o.Message)
	}
	if o.State == tasks.StateSucceeded {
		parts = append(parts, resultForPeople(o.Result))
		if o.Undecryptable != "" {
			parts = append(parts, "undecryptable: "+o.Undecryptable)
		}
	}
	parts = append(
		parts,
		fmt.Sprintf(
			"(%d attempts, %s)",
			o.Attempts,
			o.FinishedAt.Sub(o.EnqueuedAt).Round(time.Millisecond),
		),
	)
	return strings.Join(parts, "  ")
}

func resultForPeople(result json.RawMessage) string {
	var fields struct {
		dypls.Binding
		dypls.Recording
	}
	if err := json.Unmarshal(result, &fields); err != nil {
		return ""
	}
	switch {
	case fields.SubsID != "":
		return fmt.Sprintf("SubsId=%s SecretNo=%v", fields.SubsID, fields.SecretNo)
	case fields.DownloadURL != "":
		return fmt.Sprintf(
			"DownloadUrl=%v ExpiresAt=%s",
			fields.DownloadURL,
			fields.ExpiresAt.Format(time.RFC3339),
		)
	}
	return ""
}
