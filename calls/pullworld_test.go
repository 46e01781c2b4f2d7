package calls

import (
	"context"
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

// place places calls of which the recordings are announced, and waits until their
// receipts lie in the queues.
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
