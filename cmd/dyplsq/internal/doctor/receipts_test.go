package doctor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
)

// TestReceipts: what waits, cannot be read or cannot be opened is told with its remedy; a machine
// that takes in no receipts is not told of a receiver.
func TestReceipts(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	for _, check := range []string{"receipts", "receiver", "pulling"} {
		if f, told := p.examine(t)[check]; told {
			t.Errorf("%+v", f)
		}
	}
	var b doctor.Backlog
	p.Receipts.Backlog = func(context.Context) (doctor.Backlog, error) { return b, nil }
	p.want(t, "receipts", doctor.OK, "0 pushes wait")
	b = doctor.Backlog{Waiting: 7, Oldest: time.Second}
	p.want(t, "receipts", doctor.OK, "7 pushes wait")
	b.Oldest = time.Hour
	p.want(t, "receipts", doctor.Warning, "7 pushes wait", "1h0m0s", "start dyplsq receive")
	b = doctor.Backlog{Unread: 3, UnreadSince: time.Minute, UnreadWhy: "the body is no JSON"}
	p.want(t, "receipts", doctor.Warning, "3 receipts could not be read", "1m0s", "the body is no JSON", "dypls:receipts:unread")

	p.Receipts.Configured = true
	p.want(t, "receiver", doctor.OK, "takes these settings")
	p.Receipts.Exposed = "/etc/secrets"
	p.want(t, "receiver", doctor.Warning, "/etc/secrets", "chmod 400")
	p.Receipts.Refused = errors.New("--receipts-listen must be given\n--tls-key, too")
	p.want(t, "receiver", doctor.Warning, "refuses to start: --receipts-listen must be given; --tls-key, too")

	tests := map[string]struct {
		queue   doctor.ReceiptQueue
		verdict doctor.Verdict
		says    []string
	}{
		"empty":            {doctor.ReceiptQueue{}, doctor.OK, []string{"q of SecretReport is open, and empty"}},
		"with messages":    {doctor.ReceiptQueue{Waiting: true, Oldest: time.Now()}, doctor.OK, []string{"open, with messages"}},
		"that nobody asks": {doctor.ReceiptQueue{Waiting: true, Oldest: time.Now().Add(-time.Hour)}, doctor.Warning, []string{"has waited in it for 1h", "start dyplsq receive"}},
		"away":             {doctor.ReceiptQueue{Problem: "no answer"}, doctor.Warning, []string{"does not answer: no answer", "reaches it"}},
		"not there":        {doctor.ReceiptQueue{Closed: true, Problem: "QueueNotExist", Remedy: "make it"}, doctor.Loses, []string{"QueueNotExist", "make it"}},
	}
	for name, test := range tests {
		test.queue.Name, test.queue.Type = "q", "SecretReport"
		p.Receipts.Queues = func(context.Context) []doctor.ReceiptQueue { return []doctor.ReceiptQueue{test.queue} }
		t.Log(name)
		p.want(t, "pulling", test.verdict, test.says...)
	}
}
