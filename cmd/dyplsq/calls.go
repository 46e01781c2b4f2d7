package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
)

type callsCommand struct {
	Show callsShow `cmd:"" help:"Show one call: what all of its receipts say together."`
	List callsList `cmd:"" help:"List calls in the order in which they were dialled."`
}

type callsShow struct {
	redisFlags

	CallID string `arg:"" help:"The call's id, from a receipt or from calls list."`
	JSON   bool   `help:"Print one JSON object." name:"json"`
}

// Run shows a call.
func (c *callsShow) Run(ctx context.Context, s streams) error {
	return c.withCalls(func(store *calls.Store) error {
		call, err := store.Get(ctx, c.CallID)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return writeLines(s.out, []calls.Call{call})
		}
		return showCall(s.out, call)
	})
}

type callsList struct {
	redisFlags

	Task      string         `help:"Calls of the binding that this task made." placeholder:"ID"`
	Since     *time.Duration `help:"Calls that were dialled so long ago or later: 24h unless --task or --recording is given." placeholder:"DURATION"`
	Recording string         `help:"Calls whose recording is in this state: none, expected, announced, fetching, kept, late or lost; missing for all that should be kept and are not." placeholder:"STATE"`
	JSON      bool           `help:"Print one JSON object a line." name:"json"`
}

// Run lists calls.
func (c *callsList) Run(ctx context.Context, s streams) error {
	const lately = 24 * time.Hour
	filter := calls.Filter{TaskID: c.Task}
	if c.Recording != "" {
		states, err := recordingStates("--recording", c.Recording)
		if err != nil {
			return err
		}
		filter.Recording = states
	}
	if c.Since != nil || c.Task == "" && c.Recording == "" {
		since := lately
		if c.Since != nil {
			since = *c.Since
		}
		filter.Since = time.Now().Add(-since)
	}
	const heading = "CALL\tDIALLED\tSTATE\tTALKED\tRECORDING\tTASK"
	return c.withCalls(func(store *calls.Store) error {
		return listCalls(ctx, s, store, filter, c.JSON, heading, func(call calls.Call) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", call.ShownID(), shownTime(call.CallTime),
				stateOf(call), call.Duration(), call.Recording.State,
				dypls.Parameter{Value: call.TaskID}.Masked())
		})
	})
}

const listPage = 500

// listCalls prints all calls of a filter, as JSON or as the rows of a table.
func listCalls(
	ctx context.Context,
	s streams,
	store *calls.Store,
	filter calls.Filter,
	asJSON bool,
	heading string,
	row func(calls.Call) string,
) error {
	filter.Limit = listPage
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	if !asJSON {
		_, _ = fmt.Fprintln(table, heading)
	}
	for {
		found, next, err := store.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, call := range found {
			if asJSON {
				err = writeLines(s.out, []calls.Call{call})
			} else {
				_, err = fmt.Fprintln(table, row(call))
			}
			if err != nil {
				return err
			}
		}
		if filter.Cursor = next; next == "" {
			return table.Flush()
		}
	}
}

// withCalls opens the store of calls.
func (f redisFlags) withCalls(use func(*calls.Store) error) error {
	store, err := f.calls(calls.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	return use(store)
}

// stateOf says in a word or two what became of a call.
func stateOf(c calls.Call) string {
	unconnected := dypls.UnconnectedText(c.UnconnectedCause)
	switch {
	case !c.Ended && c.Answered():
		return "talking"
	case !c.Ended:
		return "not ended"
	case c.Answered():
		return "answered"
	case unconnected != "":
		return "not connected: " + unconnected
	}
	return "not answered: " + cmp.Or(dypls.ReleaseText(c.ReleaseCause), "unknown cause")
}

func shownTime(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

// showCall writes for people.
func showCall(w io.Writer, c calls.Call) error {
	text := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(text, "%s\t%s\n", name, value)
		}
	}
	when := func(name string, at time.Time) {
		if !at.IsZero() {
			line(name, shownTime(at))
		}
	}
	line("call", c.ShownID()+"  "+stateOf(c))
	line("account", c.Account)
	line("task", dypls.Parameter{Value: c.TaskID}.Masked())
	line("binding", c.SubsID)
	line("pool", c.PoolKey)
	line("A", c.PhoneNo.Masked())
	line("X", strings.TrimSpace(c.SecretNo.Masked()+"  "+c.City))
	line("other side", c.PeerNo.Masked())
	when("dialled", c.CallTime)
	when("rang", c.RingTime)
	if c.Answered() {
		when("answered", c.StartTime)
	}
	when("ended", c.ReleasedAt)
	if c.Ended {
		line("talked", c.Duration().String())
		line("hung up by", string(c.HungUpBy))
		line("cause", dypls.ReleaseText(c.ReleaseCause))
	}
	r := c.Recording
	line("recording", strings.TrimSpace(string(r.State)+"  "+r.Location+r.Reason))
	when("kept", r.KeptAt)
	receipts := make([]string, 0, len(c.Receipts))
	for _, t := range c.Receipts {
		receipts = append(receipts, string(t))
	}
	line("receipts", strings.Join(receipts, " "))
	line("undecryptable", c.WhyUndecryptable())
	return text.Flush()
}
