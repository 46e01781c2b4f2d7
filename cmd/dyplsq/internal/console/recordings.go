package console

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// recordingList is what the page of recordings shows.
type recordingList struct {
	Missing  calls.RecordingsMissing
	State    string
	Since    string
	States   []string
	Spans    []string
	Calls    []callView
	Next     string
	MayRetry bool
}

// Retried are the ids of those on the page that may be fetched again.
func (l recordingList) Retried() (ids []string) {
	for _, c := range l.Calls {
		if c.Missing() && c.Recording.State != calls.RecordingFetching && c.Link != "" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// recordingsPage lists calls by the state of their recordings: those that should be kept and are
// not, unless it is asked for others.
func recordingsPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	list := recordingList{
		State: cmp.Or(r.field("state"), missingState), Since: r.field("since"),
		States: recordingStates(), Spans: filterSpans, MayRetry: r.may(dashboard.RoleOperate),
	}
	var err error
	if list.Missing, err = r.console.Calls.MissingRecordings(r.Context()); err != nil {
		return answer{}, err
	}
	found, next, size, err := r.calls(list.State)
	if err != nil {
		return answer{}, err
	}
	list.Calls = callViewsOf(found)
	if next != "" {
		list.Next = link(
			"recordings", "state", list.State, "since", list.Since, "size", strconv.Itoa(size), "cursor",
			next,
		)
	}
	return answer{page: "recordings", data: list, live: listEvery}, nil
}

// mostRetried is how many recordings one form has fetched again: those of a page.
const mostRetried = 100

// retryRecordings has recordings fetched again at once. What is kept or is being fetched by now is
// left alone.
func retryRecordings(r *request) (answer, error) {
	ids, reason := r.PostForm["id"], r.field("reason")
	switch {
	case reason == "":
		return answer{}, errReason
	case len(ids) == 0, len(ids) > mostRetried:
		return answer{}, badField("id", errors.New("1 to 100 calls"))
	}
	for _, id := range ids {
		if id == "" || len(id) > mostCallID {
			return answer{}, calls.ErrUnknownCall
		}
		entry := audit.Entry{
			By: r.by(), Via: audit.Console, Action: audit.RecordingsRetry, Target: id, Reason: reason,
		}
		err := r.console.Audit.Do(r.Context(), entry, func(
			ctx context.Context,
		) (map[string]string, error) {
			return nil, r.console.Calls.RetryRecording(ctx, id)
		})
		passed := errors.Is(err, calls.ErrRecordingKept) || errors.Is(err, calls.ErrRecordingBusy)
		if err != nil && (!passed || len(ids) == 1) {
			return answer{}, err
		}
	}
	if len(ids) == 1 {
		return answer{to: link("call", "id", ids[0]), done: "done.recording"}, nil
	}
	return answer{to: link("recordings"), done: "done.recordings"}, nil
}
