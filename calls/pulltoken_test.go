package calls

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls/internal/mns"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestTokensAreRenewed: tokens that live for five seconds are renewed before their end, and one
// that is refused is renewed once; receipts go on coming.
func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{
		Receipts: dyplstest.Receipts{TokenLife: 5 * time.Second, Visibility: time.Second},
		Faults: []dyplstest.Fault{
			{Action: "BatchReceiveMessage", Match: map[string]string{"QueueName": reportQueue}, Code: "AccessDenied", Times: 1},
			{Action: "BatchReceiveMessage", Match: map[string]string{"QueueName": recordingQueue}, Code: "AccessDenied", Times: 1},
			{Action: "BatchDeleteMessage", Code: "AccessDenied", Times: 1},
			{Action: "DeleteMessage", Do: dyplstest.DropBefore, Times: 1},
		},
	})
	var log logtest.Log
	s.log = s.log.Output(&log)
	var renewed atomic.Int64
	s.trace.TokenDone = func(e TokenEnd) {
		if e.Err != nil && t.Context().Err() == nil {
			t.Error(e.Err)
		}
		renewed.Add(1)
	}
	run(t, s)
	puller := p.puller(s)
	p.pull(puller)
	placed := 0
	redistest.Poll(t, within, "tokens to be renewed", func(context.Context) error {
		p.place(1) //nolint:contextcheck // a call outlives who places it
		placed++
		if n := renewed.Load(); n < 10 {
			return fmt.Errorf("%d tokens", n)
		}
		return nil
	})
	p.deleted(2 * placed)
	p.recorded(s)
	for _, q := range puller.Status() {
		if q.State != QueuePulled {
			t.Errorf("%+v", q)
		}
	}
	if strings.Contains(log.String(), "resting") {
		t.Errorf("a token that is refused once is not renewed: %s", log.String())
	}
}

// TestTokenIsRenewedBeforeItsEnd: two minutes before, or a quarter of its life, counted
// from before it was asked for.
func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for life, after := range map[time.Duration]time.Duration{10 * time.Minute: 8 * time.Minute, 4 * time.Minute: 3 * time.Minute, time.Minute: 45 * time.Second} {
		asked := 0
		s := open(t, redistest.Start(t), func(c *Config) { c.Trace.TokenDone = func(TokenEnd) { asked++ } })
		p := newPlatform(t, dyplstest.Config{Receipts: dyplstest.Receipts{TokenLife: life}})
		q := p.puller(s, bothQueues[0]).queues[0]
		use := func() {
			if err := q.open(t.Context(), func(mns.Token) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		before := time.Now()
		use()
		if at := q.key.renewAt; at.Before(before.Add(after)) || at.After(time.Now().Add(after)) {
			t.Errorf("of %s: renewed %s after it was asked for, want %s", life, at.Sub(before), after)
		}
		if use(); asked != 1 {
			t.Errorf("of %s: asked for %d times at once", life, asked)
		}
		q.key.renewAt = time.Now()
		if use(); asked != 2 {
			t.Errorf("of %s: asked for %d times when it was to be renewed", life, asked)
		}
	}
}

// TestQueueThatCannotBeOpenedRests: a queue that does not exist, one of another type and one
// whose token is denied rest, and say what to do; the others are pulled. One that is mended
// is pulled again by itself.
func TestQueueThatCannotBeOpenedRests(t *testing.T) {
	t.Parallel()
	var log logtest.Log
	s := open(t, redistest.Start(t), func(c *Config) { c.Logger = c.Logger.Output(&log) })
	p := newPlatform(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "QueryTokenForMnsQueue", Match: map[string]string{"QueueName": "denied"}, Code: "Forbidden.RAM"},
		{Action: "BatchReceiveMessage", Match: map[string]string{"QueueName": recordingQueue}, Code: "AccessDenied", Times: 6},
	}})
	puller := p.puller(s, append([]Queue{
		{dypls.TypeSecretStartReport, "missing"}, {dypls.TypeSecretAsrReport, "denied"},
	}, bothQueues...)...)
	p.pull(puller)
	for queue, says := range map[string][2]string{"missing": {"QueueNotExist", "console"}, "denied": {"Forbidden.RAM", "QueryTokenForMnsQueue"}} {
		if is := becomes(t, puller, queue, QueueRests); !strings.Contains(is.Problem, says[0]) || !strings.Contains(is.Remedy, says[1]) {
			t.Errorf("%+v", is)
		}
	}
	becomes(t, puller, recordingQueue, QueuePulled)
	p.place(10)
	run(t, s)
	p.deleted(20)
	p.recorded(s)
	for _, text := range []string{"queue of receipts resting", "QueueNotExist", `"queue":"missing"`, `"remedy"`, "AccessDenied"} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log does not say %s: %s", text, log.String())
		}
	}
	// one of another type
	other := p.puller(s, Queue{dypls.TypeSecretStartReport, reportQueue})
	p.pull(other)
	if is := becomes(t, other, reportQueue, QueueRests); !strings.Contains(is.Problem, "AccessDenied") || !strings.Contains(is.Remedy, "type") {
		t.Errorf("%+v", is)
	}
}
