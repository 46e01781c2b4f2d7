package calls

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls/internal/mns"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const reportQueue, recordingQueue = "Alicom-Queue-1-SecretReport", "Alicom-Queue-1-SecretRecording"

var bothQueues = []Queue{{dypls.TypeSecretReport, reportQueue}, {dypls.TypeSecretRecording, recordingQueue}}

// platform is a simulated service whose receipts wait in queues, and a binding on it.
type platform struct {
	*dyplstest.Server

	t       *testing.T
	binding dypls.Binding
	api     *aliyun.Client
	asked   atomic.Int64 // requests to queues
	at      string
}

func newPlatform(t *testing.T, config dyplstest.Config) *platform {
	t.Helper()
	config.Calls.Scale = 0.001
	if config.Receipts.Queues == nil {
		config.Receipts.Queues = map[string]string{"SecretReport": reportQueue, "SecretRecording": recordingQueue}
	}
	p := &platform{Server: dyplstest.Start(t, config), t: t}
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/queues/") {
			p.asked.Add(1)
		}
		p.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		p.Close() // what is waited for ends
		counted.Close()
	})
	p.at = counted.URL
	var err error
	p.api, err = aliyun.New(aliyun.Config{Endpoint: p.at, Credentials: aliyun.StaticCredentials(p.AccessKeyID, p.AccessKeySecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.api.Close() })
	p.binding, err = dypls.BindAXN.Call(t.Context(), p.api, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: numberA, OutID: "order-1", Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// place places calls of which the recordings are announced, and waits until their receipts lie in the queues.
func (p *platform) place(calls int) {
	p.t.Helper()
	before := len(p.Receipts())
	for range calls {
		if _, err := p.PlaceCall(dyplstest.Dial{SubsID: p.binding.SubsID, Caller: numberB, Recorded: new(true)}); err != nil {
			p.t.Fatal(err)
		}
	}
	redistest.Poll(p.t, within, "the receipts to be sent", func(context.Context) error {
		if n := len(p.Receipts()) - before; n < 2*calls {
			return fmt.Errorf("%d receipts", n)
		}
		return nil
	})
}

// puller is one whose rests are short.
func (p *platform) puller(s *Store, queues ...Queue) *Puller {
	p.t.Helper()
	if queues == nil {
		queues = bothQueues
	}
	puller, err := s.Puller(PullerConfig{Queues: queues, Tokens: p.api, Endpoint: p.at, Account: "shop"})
	if err != nil {
		p.t.Fatal(err)
	}
	puller.firstRest, puller.mostRest = 20*time.Millisecond, 100*time.Millisecond
	return puller
}

// pull pulls until the function that it returns is called, or the test ends.
func (p *platform) pull(puller *Puller) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan struct{})
	go func() {
		puller.Run(ctx)
		close(ended)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	p.t.Cleanup(stop)
	return stop
}

// deleted waits until so many messages are deleted from their queues, and none lies there.
func (p *platform) deleted(want int) {
	p.t.Helper()
	redistest.Poll(p.t, within, "all messages to be deleted", func(context.Context) error {
		n := 0
		for _, r := range p.Receipts() {
			if r.Outcome == dyplstest.ReceiptDeleted {
				n++
			}
		}
		if n != want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	})
}

// becomes waits until a queue is in a state.
func becomes(t *testing.T, p *Puller, queue string, want QueueState) QueueStatus {
	t.Helper()
	var is QueueStatus
	redistest.Poll(t, within, queue+" to be "+string(want), func(context.Context) error {
		all := p.Status()
		is = all[slices.IndexFunc(all, func(q QueueStatus) bool { return q.Name == queue })]
		if is.State != want {
			return errors.New(string(is.State) + " " + is.Problem)
		}
		return nil
	})
	return is
}

// recorded checks that each call that was placed has one record, with its two receipts.
func (p *platform) recorded(s *Store) {
	p.t.Helper()
	settled(p.t, s)
	listed, _, err := s.List(p.t.Context(), Filter{Limit: 1000})
	if err != nil {
		p.t.Fatal(err)
	}
	want, got := map[string][]dypls.ReceiptType{}, map[string][]dypls.ReceiptType{}
	for _, c := range p.Calls() {
		want[c.CallID] = []dypls.ReceiptType{dypls.TypeSecretReport, dypls.TypeSecretRecording}
	}
	for _, c := range listed {
		got[c.ID] = c.Receipts
		if c.Account != "shop" || c.TaskID != "order-1" || c.PhoneNo != numberA || !c.Answered() || c.Recording.State != RecordingAnnounced {
			p.t.Errorf("%s of account %q, task %q", c, c.Account, c.TaskID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(listed) != len(got) {
		p.t.Errorf("receipts of calls (-want +got):\n%s", diff)
	}
	if unread := s.redis.XLen(p.t.Context(), unreadStream).Val(); unread != 0 {
		p.t.Errorf("%d receipts could not be read", unread)
	}
}

// TestReceiptsOfBothWaysAreOneCall: types that are pushed and lie in queues as well, two pullers, messages that come
// twice and late: each call has one record, and each receipt counts once.
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
	inQueues := 0
	redistest.Poll(t, within, "every receipt to be taken in", func(context.Context) error {
		inQueues = 0
		all := p.Receipts()
		for _, r := range all {
			if r.Queue != "" {
				inQueues++
			}
			if r.Outcome != dyplstest.ReceiptAccepted && r.Outcome != dyplstest.ReceiptDeleted {
				return fmt.Errorf("%s is %s", r.Type, r.Outcome)
			}
		}
		first := 0
		for _, r := range all {
			if !r.Duplicate {
				first++
			}
		}
		if first < 4*calls {
			return fmt.Errorf("%d of %d receipts are sent", first, 4*calls)
		}
		return nil
	})
	p.recorded(s)
	if n := results[Merged].Load(); n != 2*calls {
		t.Errorf("%d receipts were new, want %d", n, 2*calls)
	}
	if all := int64(len(p.Receipts())); results[Duplicate].Load() < all-2*calls || int(messages.Load()) < inQueues {
		t.Errorf("%d duplicates of %d receipts, %d messages of %d", results[Duplicate].Load(), all, messages.Load(), inQueues)
	}
}

// TestNothingIsDeletedBeforeItIsStored: while Redis stands still no message is deleted; later each is stored and
// deleted, those that were taken meanwhile again.
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
	p.pull(puller)
	becomes(t, puller, reportQueue, QueueAway)
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

// TestTokensAreRenewed: tokens that live for two seconds are renewed before their end, and one that is refused is
// renewed once; receipts go on coming.
func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{
		Receipts: dyplstest.Receipts{TokenLife: 2 * time.Second, Visibility: time.Second},
		Faults: []dyplstest.Fault{
			{Action: "BatchReceiveMessage", Match: map[string]string{"QueueName": reportQueue}, Code: "AccessDenied", Times: 1},
			{Action: "BatchReceiveMessage", Match: map[string]string{"QueueName": recordingQueue}, Code: "AccessDenied", Times: 1},
			{Action: "BatchDeleteMessage", Code: "AccessDenied", Times: 1},
			{Action: "DeleteMessage", Do: dyplstest.DropBefore, Times: 1},
		},
	})
	var log logBuffer
	s.log = s.log.Output(&log)
	var renewed atomic.Int64
	s.trace.TokenDone = func(e TokenEnd) {
		if e.Err != nil {
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

// TestTokenIsRenewedBeforeItsEnd: two minutes before, or a quarter of its life, counted from before it was asked for.
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

// TestQueueThatCannotBeOpenedRests: a queue that does not exist, one of another type and one whose token is denied
// rest, and say what to do; the others are pulled. One that is mended is pulled again by itself.
func TestQueueThatCannotBeOpenedRests(t *testing.T) {
	t.Parallel()
	var log logBuffer
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

// TestPullerThatEndsLosesNothing: it ends in the middle of a long poll, of an answer with messages, and of a delete;
// whatever it had taken comes again.
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

// TestHandlesThatHaveExpired: messages that are visible again before they are deleted come again, which is no error.
func TestHandlesThatHaveExpired(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{Receipts: dyplstest.Receipts{Visibility: time.Nanosecond}})
	var log logBuffer
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

// TestMessagesOfOtherForms: plain JSON is read, too; a body that is not what its checksum says is waited for, and
// stored when it comes no better.
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
		if err := s.mergeAll(context.Background(), entries); err != nil {
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

// TestLookTakesNothing: doctor's look tells how each queue is, and what is in it stays there for others.
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

// TestLongPollsThatEndAtOnce: where the service holds no more of them it answers at once, and is not asked as fast as
// it answers.
func TestLongPollsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	p := newPlatform(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BatchReceiveMessage", Code: "MessageNotExist"}}})
	puller := p.puller(s, bothQueues[0])
	stop := p.pull(puller)
	began := time.Now()
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
