package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRetryOfRecordings: a recording that is lost is fetched again once somebody says why, from its
// own page and from the list, and what is kept is left alone.
func TestRetryOfRecordings(t *testing.T) {
	t.Parallel()
	o := newOperation(t)
	kept, lost := o.called(1, "order-1", calls.RecordingKept), o.called(2, "order-2", calls.RecordingKept)
	client := o.redis.Client(t)
	lose := func() { // once nobody has anything more to note of it: that would put it among the kept
		t.Helper()
		redistest.Poll(t, patience, "all of the recordings to be noted", func(ctx context.Context) error {
			c, err := o.console.Calls.Get(ctx, lost.ID)
			waiting, errWaiting := o.console.Calls.Waiting(ctx)
			missing, errMissing := o.console.Calls.MissingRecordings(ctx)
			if err = errors.Join(err, errWaiting, errMissing); err == nil &&
				(!slices.Contains(c.Receipts, dypls.TypeSecretRecording) || waiting != 0 || missing.Tried+missing.Lost != 0) {
				err = fmt.Errorf("receipts %v, %d pushes wait, missing %+v", c.Receipts, waiting, missing)
			}
			return err
		})
		client.HSet(t.Context(), "dypls:call:{"+lost.ID+"}", "recording:state", "lost", "recording:reason", "isv.RECORD_NOT_EXIST")
		client.ZAdd(t.Context(), "dypls:recordings:{index}:missing", redis.Z{Score: float64(lost.CallTime.UnixMilli()), Member: lost.ID})
	}
	lose()
	ann := o.as("ann", "en")
	page := ann.shows(Root+"recordings", lost.ID, "lost", "isv.RECORD_NOT_EXIST", "Fetch the one on this page again")
	if strings.Contains(page, kept.ID) {
		t.Errorf("one that is kept is missing:\n%s", page)
	}
	for name, test := range map[string]struct {
		who    string
		fields []string
		want   int
	}{
		"without a reason": {"ann", []string{"id", lost.ID}, http.StatusBadRequest},
		"of none":          {"ann", []string{"reason", "x"}, http.StatusBadRequest},
		"of an unknown":    {"ann", []string{"id", "nobody's", "reason", "x"}, http.StatusNotFound},
		"who may only see": {"bob", []string{"id", lost.ID, "reason", "x"}, http.StatusForbidden},
	} {
		p := o.as(test.who, "en")
		if status, text := p.post(Root+"recordings", Root+"recordings", test.fields...); status != test.want {
			t.Errorf("%s: %d\n%s", name, status, text)
		}
	}
	for range 2 { // from the list, and from the call's page
		at := map[bool]string{true: Root + "recordings", false: Root + "call?id=" + lost.ID}[len(o.lines(lost.ID)) == 0]
		status, text := ann.post(at, Root+"recordings", "id", lost.ID, "reason", "found in the platform's console")
		if status != http.StatusOK || !strings.Contains(text, "fetched again now") {
			t.Errorf("%s: %d\n%s", at, status, text)
		}
		redistest.Poll(t, patience, "the recording to be kept", func(ctx context.Context) error {
			c, err := o.console.Calls.Get(ctx, lost.ID)
			if err == nil && c.Recording.State != calls.RecordingKept {
				err = errors.New(string(c.Recording.State))
			}
			return err
		})
		lose()
	}
	if lines := o.lines(lost.ID); len(lines) != 2 || lines[0] != "ann recordings.retry found in the platform's console" {
		t.Errorf("the audit has %v", lines)
	}
	eve := o.as("eve", "en")
	if status, _ := eve.post(Root+"call?id="+kept.ID, Root+"recordings", "id", kept.ID, "reason", "x"); status != http.StatusConflict {
		t.Errorf("one that is kept is fetched again: %d", status)
	}
}

// TestCallbacksAreEnabledAndReplayed: an endpoint that answered 410 is told again once somebody
// says why, and of what happened before, each with a line of the audit.
func TestCallbacksAreEnabledAndReplayed(t *testing.T) {
	t.Parallel()
	o := newOperation(t)
	o.gone.Store(true)
	o.run(o.console.Callbacks.Run)
	o.bind(1, "order-1")
	o.becomes("order-1", "succeeded")
	ann := o.as("ann", "en")
	redistest.Poll(t, patience, "the endpoint to be disabled", func(context.Context) error {
		if _, page := ann.get(Root + "callbacks"); !strings.Contains(page, "disabled") { //nolint:contextcheck // a browser has its own
			return errors.New("it is told")
		}
		return nil
	})
	change := func(who, path string, fields ...string) (int, string) {
		t.Helper()
		return o.as(who, "en").post(Root+"callbacks", Root+"callbacks/"+path, fields...)
	}
	for name, test := range map[string]struct {
		who, path string
		fields    []string
		want      int
	}{
		"without a reason":       {"ann", "enable", []string{"endpoint", "crm"}, http.StatusBadRequest},
		"an unknown endpoint":    {"ann", "enable", []string{"endpoint", "nobody", "reason", "x"}, http.StatusNotFound},
		"any time":               {"ann", "replay", []string{"endpoint", "crm", "since", "900h", "reason", "x"}, http.StatusBadRequest},
		"who may only see":       {"bob", "enable", []string{"endpoint", "crm", "reason", "x"}, http.StatusForbidden},
		"who may only see tells": {"bob", "replay", []string{"endpoint", "crm", "since", "1h", "reason", "x"}, http.StatusForbidden},
	} {
		if status, text := change(test.who, test.path, test.fields...); status != test.want {
			t.Errorf("%s: %d\n%s", name, status, text)
		}
	}
	o.gone.Store(false)
	for path, said := range map[string]string{"enable": "The endpoint is told again.", "replay": "told again of what happened"} {
		status, text := change("ann", path, "endpoint", "crm", "since", "1h", "reason", "mended")
		if status != http.StatusOK || !strings.Contains(text, said) {
			t.Errorf("%s: %d\n%s", path, status, text)
		}
	}
	redistest.Poll(t, patience, "the endpoint to be told", func(ctx context.Context) error {
		all, err := o.console.Callbacks.Statuses(ctx)
		if err == nil && all[0].Delivered == 0 {
			err = errors.New("it was not")
		}
		return err
	})
	lines := o.lines("crm") // with what came of the replay
	if !slices.Contains(lines, "ann callbacks.enable mended") || !slices.Contains(lines, "ann callbacks.replay mended") {
		t.Errorf("the audit has %v", lines)
	}
}
