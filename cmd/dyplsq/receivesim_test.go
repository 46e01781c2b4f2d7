package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestCallsOfATaskAreReceived: from a bind through the queue to the records of its calls. The
// service pushes some receipts twice, late and in the opposite order, and the receiver is killed
// twice meanwhile: each call has one record, that of the call that was placed.
//
//nolint:gocognit // one story, told in order
func TestCallsOfATaskAreReceived(t *testing.T) {
	t.Parallel()
	const calls, caller = 60, dypls.Phone("13812345678")
	address := systemtest.FreeAddress(t)
	push := dyplstest.PushAll("http://" + address + "/receipts/" + receiptSecret)
	s := systemtest.New(t, dyplstest.Config{
		Calls: dyplstest.Calls{Scale: 0.01},
		Receipts: dyplstest.Receipts{
			Push: push, Duplicates: 0.2, Late: 0.1, OutOfOrder: 0.2, LateBy: 2 * time.Minute,
			// A machine under load, on which a receiver is started anew, is slower
			// than the service's patience.
			AnswerWithin: 30 * time.Second, Again: slices.Repeat([]time.Duration{2 * time.Minute}, 60),
		},
	}, "--appendonly", "yes", "--appendfsync", "always")
	s.Worker(t)
	binding := s.Bound(t, "order-1")
	start := func() *systemtest.Process {
		p := systemtest.Start(t, s.Env, "receive", "--receipts-listen", address, "--receipts-secret-file", systemtest.TempFile(t, receiptSecret))
		redistest.Poll(t, systemtest.StartWithin, "the receiver to listen", p.Wrote("receiving receipts"))
		return p
	}
	p := start()
	for n := range calls {
		if _, err := s.Simulator.PlaceCall(dyplstest.Dial{SubsID: binding.SubsID, Caller: caller, Unanswered: n%5 == 0, Recorded: new(n%2 == 0), Length: time.Duration(n+1) * time.Second}); err != nil {
			t.Fatal(err)
		}
		if n%25 == 24 {
			p.Kill(t)
			p = start()
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "all receipts to be accepted", func(context.Context) error {
		all := s.Simulator.Receipts()
		for _, r := range all {
			if r.Outcome != dyplstest.ReceiptAccepted {
				return fmt.Errorf("%s is %s", r.Type, r.Outcome)
			}
		}
		if len(all) < 3*calls {
			return fmt.Errorf("%d receipts", len(all))
		}
		return nil
	})
	type record struct {
		CallID    string  `json:"call_id"`
		TaskID    string  `json:"task_id"`
		SubsID    string  `json:"subs_id"`
		Duration  float64 `json:"duration_s"`
		Answered  bool    `json:"answered"`
		Recording struct {
			State string `json:"state"`
		} `json:"recording"`
	}
	placed := s.Simulator.Calls()
	var shown string
	redistest.Poll(t, systemtest.StartWithin, "every call to have its record", func(context.Context) error {
		r := systemtest.Run(t, s.Env, "", "calls", "list", "--task", "order-1", "--json") //nolint:contextcheck // it has its own
		shown = r.Out
		got := map[string]record{}
		for line := range systemtest.Lines(r.Out) {
			var one record
			if err := json.Unmarshal([]byte(line), &one); err != nil {
				return err
			}
			if _, twice := got[one.CallID]; twice {
				t.Errorf("%s is listed twice", one.CallID)
			}
			got[one.CallID] = one
		}
		for _, c := range placed {
			want := record{CallID: c.CallID, TaskID: "order-1", SubsID: c.SubsID, Answered: c.Answered}
			want.Duration = c.ReleaseTime.Truncate(time.Second).Sub(c.StartTime.Truncate(time.Second)).Seconds()
			want.Recording.State = "none"
			if c.Recorded {
				want.Recording.State = "announced"
			}
			if got[c.CallID] != want {
				return fmt.Errorf("%+v, want %+v", got[c.CallID], want)
			}
		}
		if len(got) != calls {
			return errors.New("calls that nobody placed")
		}
		return nil
	})
	if strings.Contains(shown+p.Text(), "12345678") {
		t.Error("the list or the log shows a number")
	}
}
