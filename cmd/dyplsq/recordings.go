package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

type recordingsCommand struct {
	List  recordingsList  `cmd:"" help:"List calls by the state of their recordings: those that should be kept and are not, unless --state is given."`
	Retry recordingsRetry `cmd:"" help:"Have recordings that are not kept fetched at once, by new links."`
}

type recordingsList struct {
	redisFlags

	State string         `default:"missing" help:"missing (${default}), or one of none, expected, announced, fetching, kept, late and lost." placeholder:"STATE"`
	Since *time.Duration `help:"Calls that were dialled so long ago or later: all that are kept unless it is given." placeholder:"DURATION"`
	JSON  bool           `help:"Print one JSON object a line, the call." name:"json"`
}

// Run lists recordings.
func (c *recordingsList) Run(ctx context.Context, s streams) error {
	states, err := recordingStates("--state", c.State)
	if err != nil {
		return err
	}
	filter := calls.Filter{Recording: states}
	if c.Since != nil {
		filter.Since = time.Now().Add(-*c.Since)
	}
	const heading = "CALL\tDIALLED\tTALKED\tRECORDING\tBYTES\tWHERE, OR WHY NOT"
	return c.withCalls(func(store *calls.Store) error {
		return listCalls(ctx, s, store, filter, c.JSON, heading, func(call calls.Call) string {
			r := call.Recording
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%s", call.ShownID(), shownTime(call.CallTime),
				call.Duration(), r.State, r.Bytes, r.Location+r.Reason)
		})
	})
}

// recordingStates reads a state, or the word for all of those that should be kept and are not.
func recordingStates(flag, text string) ([]calls.RecordingState, error) {
	const missing = "missing"
	if text == missing {
		return calls.MissingRecordings(), nil
	}
	names := []string{missing}
	for _, state := range calls.RecordingStates() {
		if string(state) == text {
			return []calls.RecordingState{state}, nil
		}
		names = append(names, string(state))
	}
	return nil, usage(flag + " must be one of " + strings.Join(names, ", "))
}

type recordingsRetry struct {
	redisFlags
	actorFlags

	CallIDs []string       `arg:"" help:"Their calls." name:"call-id" optional:""`
	Since   *time.Duration `help:"Those of all calls that were dialled so long ago or later." placeholder:"DURATION"`
}

// Run has recordings tried again.
func (c *recordingsRetry) Run(ctx context.Context, s streams) error {
	if (len(c.CallIDs) > 0) == (c.Since != nil) {
		return usage("recordings retry must be told of which calls: their ids, or --since DURATION")
	}
	return c.withCalls(func(store *calls.Store) error {
		retried, refused := 0, []string{}
		note := func(id string, err error) error {
			switch {
			case err == nil:
				retried++
			case errors.Is(err, calls.ErrUnknownCall), errors.Is(err, calls.ErrRecordingKept),
				errors.Is(err, calls.ErrRecordingBusy):
				refused = append(refused, calls.Call{ID: id}.ShownID()+": "+err.Error())
			default:
				return err
			}
			return nil
		}
		err := c.retryNamed(ctx, store, note)
		if c.Since != nil {
			err = c.retrySince(ctx, store, &retried, note)
		}
		if err != nil {
			return err
		}
		if _, err = fmt.Fprintf(s.out, "recordings that are tried again: %d\n", retried); err != nil {
			return err
		}
		if len(refused) > 0 && c.Since == nil { // others may have come first
			return usage(strings.Join(refused, "\n"))
		}
		return nil
	})
}

// retryNamed has the calls that are named tried again, each with a line of the audit.
func (c *recordingsRetry) retryNamed(
	ctx context.Context,
	store *calls.Store,
	note func(id string, err error) error,
) error {
	for _, id := range c.CallIDs {
		line := c.entry(audit.RecordingsRetry, calls.Call{ID: id}.ShownID(), nil)
		err := c.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
			return nil, store.RetryRecording(ctx, id)
		})
		if err := note(id, err); err != nil {
			return err
		}
	}
	return nil
}

// retrySince has all calls since a time tried again, with one line of the audit.
func (c *recordingsRetry) retrySince(
	ctx context.Context,
	store *calls.Store,
	retried *int,
	note func(id string, err error) error,
) error {
	filter := calls.Filter{
		Recording: calls.MissingRecordings(), Since: time.Now().Add(-*c.Since), Limit: listPage,
	}
	line := c.entry(audit.RecordingsRetry, "all", map[string]string{"since": c.Since.String()})
	return c.audited(ctx, line, func(ctx context.Context) (map[string]string, error) {
		for {
			found, next, err := store.List(ctx, filter)
			for _, call := range found {
				if err == nil {
					err = note(call.ID, store.RetryRecording(ctx, call.ID))
				}
			}
			if filter.Cursor = next; next == "" || err != nil {
				return map[string]string{"count": strconv.Itoa(*retried)}, err
			}
		}
	})
}
