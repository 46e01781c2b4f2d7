package calls

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
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

// TestReceiptsOfBothWaysAreOneCall: types that are pushed and lie in queues as well, two pullers,
// messages that come twice and late: each call has one record, and each receipt counts once.
func TestReceiptsOfBothWaysAreOneCall(t *testing.T) {
	t.Parallel()
	results := map[Result]*atomic.Int64{Merged: {}, Duplicate: {}}
	var messages atomic.Int64
	s := open(t, redistest.Start(t), func(c *Config) {
		c.Trace.ReceiptDone = func(e ReceiptEnd) { results[e.Result].Add(1) }
		c.Trace.MessageDone = func(MessageEnd) { messages.Add(1) }
	})
	h, err := s.Handler(HandlerConfig{Secrets: []string{secret}, Account: "shop", Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(h)
	t.Cleanup(door.Close)
	at := door.URL + "/receipts/" + secret + "/"
	p := newPlatform(t, dyplstest.Config{Receipts: dyplstest.Receipts{
		Push:       map[string]string{"SecretReport": at + "SecretReport", "SecretRecording": at + "SecretRecording"},
		Duplicates: 0.3, Late: 0.2, OutOfOrder: 0.3, AnswerWithin: time.Minute,
	}})
	run(t, s)
	p.pull(p.puller(s))
	p.pull(p.puller(s))
	const calls = 50
	p.place(calls)
	redistest.Poll(t, within, "every receipt to be taken in", func(context.Context) error {
		first, inQueues := 0, 0
		all := p.Receipts()
		for _, r := range all {
			if r.Queue != "" {
				inQueues++
			}
			if !r.Duplicate {
				first++
			}
			if r.Outcome != dyplstest.ReceiptAccepted && r.Outcome != dyplstest.ReceiptDeleted {
				return fmt.Errorf("%s is %s", r.Type, r.Outcome)
			}
		}
		if first < 4*calls {
			return fmt.Errorf("%d of %d receipts are sent", first, 4*calls)
		}
		if again := results[Duplicate].Load(); int(again) < len(all)-2*calls || int(messages.Load()) < inQueues {
			return fmt.Errorf("%d duplicates of %d receipts, %d messages of %d", again, len(all), messages.Load(), inQueues)
		}
		if n := results[Merged].Load(); n != 2*calls {
			return fmt.Errorf("%d receipts were new, want %d", n, 2*calls)
		}
		return nil
	})
	p.recorded(s)
	if n := results[Merged].Load(); n != 2*calls {
		t.Errorf("%d receipts were new, want %d", n, 2*calls)
	}
}

// TestNothingIsDeletedBeforeItIsStored: while Redis stands still no message is deleted; later each
// is stored and deleted, those that were taken meanwhile again.
func TestNothingIsDeletedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server)
	stop, goOn := signalRedis(t, server.Client(t))
	var results atomic.Int64
	s.trace.MessageDone = func(e MessageEnd) {
		if e.Result == MessageNotStored {
			results.Add(1)
		}
	}
	p := newPlatform(t, dyplstest.Config{Receipts: dyplstest.Receipts{Visibility: time.Second}})
	puller := p.puller(s)
	becomes(t, puller, reportQueue, QueueAway)
	p.pull(puller)
	p.place(1)
	p.deleted(2)
	stop()
	p.place(20)
	redistest.Poll(t, within, "messages that cannot be stored", func(context.Context) error {
		if results.Load() == 0 {
			return errors.New("none")
		}
		return nil
	})
	p.deleted(2)
	if is := becomes(t, puller, reportQueue, QueueAway); is.Problem == "" {
		t.Error("nothing says that Redis is away")
	}
	goOn()
	p.deleted(2 + 40)
	becomes(t, puller, reportQueue, QueuePulled)
	run(t, s)
	p.recorded(s)
}

// TestPullerThatEndsLosesNothing: it ends in the middle of a long poll, of an answer with messages,
// and of a delete; whatever it had taken comes again.
func TestPullerThatEndsLosesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{
		Receipts: dyplstest.Receipts{Visibility: time.Second},
		Faults: []dyplstest.Fault{
			{Action: "BatchReceiveMessage", Do: dyplstest.Slow, Performed: true, Delay: 10 * time.Minute, Times: 2},
		},
	})
	p.place(10)
	stop := p.pull(p.puller(s))
	redistest.Poll(t, within, "messages to be taken", func(context.Context) error {
		for _, r := range p.Receipts() {
			if r.Fetched == 0 {
				return errors.New("not yet")
			}
		}
		return nil
	})
	stop()
	p.deleted(0)
	stop = p.pull(p.puller(s))
	p.deleted(20)
	stop() // while both queues are waited for
	run(t, s)
	p.recorded(s)
}

// TestHandlesThatHaveExpired: messages that are visible again before they are deleted come
// again, which is no error.
func TestHandlesThatHaveExpired(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{Receipts: dyplstest.Receipts{Visibility: time.Nanosecond}})
	var log logtest.Log
	s.log = s.log.Output(&log)
	p.place(1)
	puller := p.puller(s)
	p.pull(puller)
	redistest.Poll(t, within, "the message to come again", func(context.Context) error {
		for _, r := range p.Receipts() {
			if r.Fetched < 5 {
				return fmt.Errorf("taken %d times", r.Fetched)
			}
		}
		return nil
	})
	run(t, s)
	redistest.Poll(t, within, "the call", func(ctx context.Context) error {
		c, err := s.Get(ctx, p.Calls()[0].CallID)
		if err == nil && len(c.Receipts) != 2 {
			err = errors.New("not yet")
		}
		return err
	})
	if strings.Contains(log.String(), "failed") {
		t.Error(log.String())
	}
}

// TestMessagesOfOtherForms: plain JSON is read, too; a body that is not what its checksum says is
// waited for, and stored when it comes no better.
func TestMessagesOfOtherForms(t *testing.T) {
	t.Parallel()
	record := fmt.Sprintf(`{"call_id":"c1","out_id":"order-1","phone_no":%q,"secret_no":%q}`, numberA, numberX)
	message := func(body, sum string, taken int) string {
		return fmt.Sprintf(`<Messages xmlns="http://mns.aliyuncs.com/doc/v1/"><Message><ReceiptHandle>1-x</ReceiptHandle><MessageBody>%s</MessageBody><MessageBodyMD5>%s</MessageBodyMD5><DequeueCount>%d</DequeueCount></Message></Messages>`,
			strings.NewReplacer(`"`, "&quot;").Replace(body), sum, taken)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(record))
	tests := map[string]struct {
		answer string
		stored bool
	}{
		"base64":             {message(encoded, "", 1), true},
		"plain":              {message(record, "", 1), true},
		"another checksum":   {message(encoded, "00000000000000000000000000000000", 1), false},
		"always another one": {message(encoded, "00000000000000000000000000000000", mostBroken), true},
	}
	server := redistest.Start(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, server)
			var result atomic.Value
			s.trace.MessageDone = func(e MessageEnd) { result.Store(e.Result) }
			p := newPlatform(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BatchReceiveMessage", Do: dyplstest.Body, Body: test.answer, Times: 1}}})
			q := p.puller(s, bothQueues[0]).queues[0]
			n, err := q.round(t.Context(), 0, true)
			want := map[bool]MessageResult{true: MessageStored, false: MessageBroken}[test.stored]
			if n != 1 || (err == nil) != test.stored || result.Load() != want {
				t.Errorf("%d messages, %v, %v", n, result.Load(), err)
			}
		})
	}
	t.Cleanup(func() {
		s := open(t, server)
		entries, err := s.redis.XRange(context.Background(), pushStream, "-", "+").Result()
		if err != nil || len(entries) != 3 {
			t.Errorf("%d are stored, %v", len(entries), err)
		}
		if _, err := s.mergeAll(context.Background(), entries); err != nil {
			t.Error(err)
		}
		if c, err := s.Get(context.Background(), "c1"); err != nil || c.TaskID != "order-1" || c.PhoneNo != numberA {
			t.Errorf("%v, %v", c, err)
		}
		if n := s.redis.XLen(context.Background(), unreadStream).Val(); n != 0 {
			t.Errorf("%d could not be read", n)
		}
	})
}

// TestLookTakesNothing: doctor's look tells how each queue is, and what is in
// it stays there for others.
func TestLookTakesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{})
	puller := p.puller(s, append([]Queue{{dypls.TypeSecretStartReport, "missing"}}, bothQueues[0])...)
	if looks := puller.Look(t.Context()); looks[0].State != QueueRests || looks[1].State != QueuePulled || looks[1].Waiting {
		t.Errorf("%+v", looks)
	}
	p.place(2)
	if looks := puller.Look(t.Context()); !looks[1].Waiting || time.Since(looks[1].Oldest) > time.Hour {
		t.Errorf("%+v", looks)
	}
	for _, r := range p.Receipts() {
		if r.Fetched > 0 || r.Outcome != dyplstest.ReceiptPending {
			t.Errorf("%+v", r)
		}
	}
	if n := s.redis.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("it left %d keys", n)
	}
}

// TestLongPollsThatEndAtOnce: where the service holds no more of them it answers at once, and is
// not asked as fast as it answers.
func TestLongPollsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BatchReceiveMessage", Code: "MessageNotExist"}}})
	puller := p.puller(s, bothQueues[0])
	began := time.Now()
	stop := p.pull(puller)
	redistest.Poll(t, within, "some polls", func(context.Context) error {
		if p.asked.Load() < 4 {
			return errors.New("not yet")
		}
		return nil
	})
	took := time.Since(began)
	stop()
	if least := firstPause + 2*firstPause; took < least {
		t.Errorf("4 polls in %s, want at least %s between them", took, least)
	}
	if is := puller.Status()[0]; is.State != QueuePulled {
		t.Errorf("%+v", is)
	}
}

// TestPullerRefuses: everything that is wrong is told at once.
func TestPullerRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	_, err := s.Puller(PullerConfig{
		Queues:   []Queue{{"SecretReports", "q"}, {dypls.TypeSecretReport, "a/b"}, {dypls.TypeSecretReport, "q"}, {dypls.TypeSecretRecording, "q"}},
		Endpoint: "http://user:hush@queues.example/", Account: "a b",
	})
	for _, text := range []string{"TYPE=QUEUE", "letters, digits and hyphens", "given twice", "a caller must be given", "https://host", "account"} {
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hush") {
			t.Errorf("it does not say %q: %v", text, err)
		}
	}
	for text, valid := range map[string]bool{"SecretReport=Alicom-Queue-1-SecretReport": true, "SecretReport = q": true, "SecretReport": false, "q": false, "": false} {
		if q, err := ParseQueue(" " + text + "\n"); (err == nil) != valid || strings.TrimSpace(q.Name) != q.Name {
			t.Errorf("%q: %+v, %v", text, q, err)
		}
	}
	if _, err := mns.New(mns.Config{Endpoint: "http://queues.example"}); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("plain text to another machine: %v", err)
	}
}
