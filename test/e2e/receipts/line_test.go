package receipts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	reportQueue    = "Alicom-Queue-1-SecretReport"
	recordingQueue = "Alicom-Queue-1-SecretRecording"
	missingQueue   = "Alicom-Queue-1-Missing"

	secret = "a-secret-of-the-test-0123"
	caller = dypls.Phone("13912345678")
)

// line is the way from calls to their records: the system, and a binding that is called.
type line struct {
	*systemtest.System

	binding   dypls.Binding
	recording calls.RecordingState // of calls that have one, in the end
}

// newLine is one on a Redis that keeps what it has acknowledged, whose receivers ask
// the simulator for queues.
func newLine(t *testing.T, config dyplstest.Config) *line {
	t.Helper()
	l := &line{System: systemtest.New(t, config, "--appendonly", "yes", "--appendfsync", "always"), recording: calls.RecordingAnnounced}
	var endpoint string
	for _, entry := range l.Env {
		if value, is := strings.CutPrefix(entry, "DYPLSQ_ENDPOINT="); is {
			endpoint = value
		}
	}
	l.Env = append(l.Env, "DYPLSQ_RECEIPTS_TOKEN_ENDPOINT="+endpoint, "DYPLSQ_RECEIPTS_QUEUE_ENDPOINT="+endpoint)
	api, err := aliyun.New(aliyun.Config{
		Endpoint: endpoint, Credentials: aliyun.StaticCredentials(dyplstest.DefaultAccessKeyID, dyplstest.DefaultAccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	l.binding, err = dypls.BindAXN.Call(t.Context(), api, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000001", OutID: "order-1", Expiration: dypls.At(time.Now().Add(24 * time.Hour)),
		IsRecordingEnabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// place places a call of some seconds. One in five is not answered, and has no recording.
func (l *line) place(t *testing.T, n int) {
	t.Helper()
	if _, err := l.Simulator.PlaceCall(dyplstest.Dial{
		SubsID: l.binding.SubsID, Caller: caller, Unanswered: n%5 == 0, Length: time.Duration(1+n%9) * time.Second,
	}); err != nil {
		t.Fatal(err)
	}
}

// allArrived waits until every receipt that was sent was accepted or deleted, and all are merged.
func (l *line) allArrived(t *testing.T, within time.Duration) []dyplstest.Receipt {
	t.Helper()
	client := l.Redis.Client(t)
	var all []dyplstest.Receipt
	redistest.Poll(t, within, "every receipt to have arrived", seldom(func(ctx context.Context) error {
		all = l.Simulator.Receipts()
		pending := map[string]int{}
		for _, r := range all {
			switch r.Outcome {
			case dyplstest.ReceiptAccepted, dyplstest.ReceiptDeleted:
			case dyplstest.ReceiptDropped, dyplstest.ReceiptExpired:
				t.Fatalf("the platform gave it up: %+v", r.Pushes)
			default:
				pending[fmt.Sprintf("%s %s by %s", r.Outcome, r.Type, r.Way)]++
			}
		}
		if len(pending) > 0 {
			return fmt.Errorf("%v", pending)
		}
		n, err := client.XLen(ctx, "dypls:receipts").Result()
		if err == nil && n > 0 {
			err = fmt.Errorf("%d wait to be merged", n)
		}
		return err
	}))
	return all
}

// seldom makes a condition that is costly to look at one for redistest.Poll: the simulator copies
// all of its receipts, and does nothing else meanwhile.
func seldom(is func(context.Context) error) func(context.Context) error {
	var last time.Time
	said := errors.New("not looked at yet")
	return func(ctx context.Context) error {
		if time.Since(last) < time.Second/2 {
			return said
		}
		said = is(ctx)
		last = time.Now()
		return said
	}
}

// eachHasOneRecord holds the records against the calls that were placed, and these against the
// receipts that were taken from the platform for good.
func (l *line) eachHasOneRecord(t *testing.T, sent []dyplstest.Receipt) {
	t.Helper()
	got := l.CallRecords(t)
	lost := 0
	for _, s := range sent {
		if !slices.Contains(got[s.CallID].Receipts, dypls.ReceiptType(s.Type)) {
			lost++
			t.Logf("%s of %s by %s was %s, and is not in the record: %v", s.Type, s.CallID, s.Way, s.Outcome, got[s.CallID].Receipts)
		}
	}
	placed := l.Simulator.Calls()
	for _, c := range placed {
		is, state := got[c.CallID], calls.RecordingNone
		if c.Recorded {
			state = l.recording
		}
		lasted := c.ReleaseTime.Truncate(time.Second).Sub(c.StartTime.Truncate(time.Second))
		if is.TaskID != "order-1" || is.SubsID != c.SubsID || is.Answered() != c.Answered || is.Duration() != lasted || is.Recording.State != state {
			t.Errorf("the record of %+v is %s", c, is)
		}
	}
	if len(got) != len(placed) || lost > 0 {
		t.Errorf("%d records of %d calls, %d receipts lost", len(got), len(placed), lost)
	}
	if n := l.Redis.Client(t).XLen(t.Context(), "dypls:receipts:unread").Val(); n != 0 {
		t.Errorf("%d receipts could not be read", n)
	}
	r := systemtest.Run(t, l.Env, "", "calls", "list", "--since", "24h", "--json")
	if n := strings.Count(r.Out, "\n"); n != len(placed) {
		t.Errorf("the command lists %d of %d calls", n, len(placed))
	}
	systemtest.NoNumbers(t, "the list", r.Out+r.Errors)
}
