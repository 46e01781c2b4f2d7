package calls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls/internal/mns"
)

// DefaultQueueEndpoint has the queues of every customer: it is the platform's own account.
const DefaultQueueEndpoint = "https://1943695596114318.mns.cn-hangzhou.aliyuncs.com"

// Queue is one of the platform's queues. It holds receipts of one type.
type Queue struct {
	Type dypls.ReceiptType
	Name string // as the console shows it: Alicom-Queue-1234567890123456-SecretReport
}

// ParseQueue reads TYPE=QUEUE. The error says what is wrong with it.
func ParseQueue(text string) (Queue, error) {
	kind, name, _ := strings.Cut(strings.TrimSpace(text), "=")
	q := Queue{dypls.ReceiptType(strings.TrimSpace(kind)), strings.TrimSpace(name)}
	return q, q.check()
}

func (q Queue) check() error {
	const mostName = 256
	if !q.Type.Known() {
		return errors.New(
			"it must be TYPE=QUEUE, the type one of those of receipts: write it like SecretReport=Alicom-Queue-1234567890123456-SecretReport",
		)
	}
	if q.Name == "" || len(q.Name) > mostName || strings.ContainsFunc(q.Name, isNoNameByte) {
		return fmt.Errorf(
			"the queue of %s must have a name of letters, digits and hyphens: take it from the console",
			q.Type,
		)
	}
	return nil
}

func isNoNameByte(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}

// PullerConfig is what a [Puller] needs. Zero values mean the defaults.
type PullerConfig struct {
	Queues []Queue
	// Account is the account of the numbers, as in [HandlerConfig].
	Account string
	// Tokens calls Dybaseapi with the credentials of the account that has the queues: an
	// aliyun.Client of https://dybaseapi.aliyuncs.com.
	Tokens dypls.Caller
	// Endpoint has the queues: [DefaultQueueEndpoint] by default. Plain http:// is for a loopback
	// address, or with Insecure.
	Endpoint string
	Insecure bool
	// Proxy is asked for the proxy of each connection; nil for none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Puller takes receipts from the platform's queues.
type Puller struct {
	store   *Store
	account string
	tokens  dypls.Caller
	mns     *mns.Client
	queues  []*pull

	firstRest, mostRest time.Duration // tests have shorter ones
}

// Puller returns one. It asks nothing yet. Its error tells everything that is wrong with the
// configuration.
func (s *Store) Puller(c PullerConfig) (*Puller, error) {
	p := &Puller{
		store: s, account: c.Account, tokens: c.Tokens, firstRest: firstRest, mostRest: mostRest,
	}
	problems := []error{checkAccount(&p.account)}
	if len(c.Queues) == 0 {
		problems = append(problems, errors.New("a queue must be given"))
	}
	if c.Tokens == nil {
		problems = append(problems, errors.New("a caller must be given, which tokens are asked for with"))
	}
	seen := map[string]bool{}
	for _, q := range c.Queues {
		if err := q.check(); err != nil {
			problems = append(problems, err)
		} else if seen[q.Name] {
			problems = append(problems, fmt.Errorf("the queue of %s is given twice: a queue holds one type", q.Type))
		}
		seen[q.Name] = true
		p.queues = append(
			p.queues, &pull{Puller: p, Queue: q, status: QueueStatus{Queue: q, State: QueueAway}},
		)
	}
	var err error
	p.mns, err = mns.New(mns.Config{
		Endpoint: cmp.Or(c.Endpoint, DefaultQueueEndpoint),
		Insecure: c.Insecure,
		Proxy:    c.Proxy,
	})
	if err = errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	return p, nil
}

// Run takes messages from the queues until ctx is done. Any number of processes may run it; each
// has one long poll for each queue.
//
// A message is deleted once it is stored, and not before: where a process ends in between, or Redis
// is away, it is visible again after a while, and comes again. A queue that cannot be opened rests,
// for longer and longer; the others go on.
func (p *Puller) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, q := range p.queues {
		all.Go(func() { q.run(ctx) })
	}
	all.Wait()
	p.mns.Close()
}

// QueueState is how pulling a queue goes.
type QueueState string

// The states.
const (
	QueuePulled QueueState = "pulled"
	QueueRests  QueueState = "rests" // it cannot be opened until somebody mends what is wrong
	QueueAway   QueueState = "away"  // no answer of it, of its tokens or of Redis, so far
)

// QueueStatus is how a queue is.
type QueueStatus struct {
	Queue

	State QueueState
	// Problem is what is wrong, and Remedy what to do about it, where that is known.
	Problem, Remedy string
}

// Status returns how each queue is, in the order in which they were given.
func (p *Puller) Status() []QueueStatus {
	all := make([]QueueStatus, len(p.queues))
	for i, q := range p.queues {
		q.mu.Lock()
		all[i] = q.status
		q.mu.Unlock()
	}
	return all
}

// QueueLook is what was seen of a queue.
type QueueLook struct {
	QueueStatus

	Waiting bool      // there is a message
	Oldest  time.Time // when the first that was seen was put there
}

// Look opens each queue and looks whether there is a message in it. It takes none.
func (p *Puller) Look(ctx context.Context) []QueueLook {
	looks := make([]QueueLook, len(p.queues))
	var all sync.WaitGroup
	for i, one := range p.queues {
		all.Go(func() {
			q := &pull{Puller: p, Queue: one.Queue} // with a token of its own
			var found []mns.Message
			err := q.open(ctx, func(t mns.Token) (err error) {
				found, err = p.mns.Peek(ctx, t, q.Name)
				return err
			})
			looks[i].QueueStatus = statusOf(q.Queue, err)
			if len(found) > 0 {
				looks[i].Waiting, looks[i].Oldest = true, found[0].Enqueued
			}
		})
	}
	all.Wait()
	p.mns.Close()
	return looks
}

// statusOf is how a queue is where it was asked, and that ended with err.
func statusOf(q Queue, err error) QueueStatus {
	s := QueueStatus{Queue: q, State: QueuePulled}
	if err == nil {
		return s
	}
	s.State, s.Problem = QueueAway, dypls.Scrub(err.Error())
	refused, isQueue := errors.AsType[*mns.Error](err)
	called, isToken := errors.AsType[*dypls.Error](err)
	switch {
	case isQueue && refused.IsNoQueue():
		s.State, s.Remedy = QueueRests, "make it in the console, or give the name that it has there"
	case isQueue && refused.IsDenied():
		s.State, s.Remedy = QueueRests, "compare the type with the queue's, and the account with the one that has it"
	case isQueue && refused.IsClock():
		s.State, s.Remedy = QueueRests, "set this machine's clock: run chrony"
	case isToken && (called.Class == dypls.Denied || called.Class == dypls.Rejected):
		s.State, s.Remedy = QueueRests, "let the credentials' user ask for it (QueryTokenForMnsQueue), and compare type and queue with the console"
	}
	return s
}
