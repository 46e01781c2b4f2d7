package dyplstest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Simulator is the simulated service: an [http.Handler] that answers as Dyplsapi does. It is safe
// for concurrent use.
//
// It drops a connection by panicking with [http.ErrAbortHandler], which an [http.Server]
// understands.
type Simulator struct {
	config Config
	made   time.Time     // by Config.Now
	closed chan struct{} // ends hangs and delays

	closeOnce sync.Once
	pusher    pusher
	address   string // of its server, where it has one of its own

	// mu guards what follows. Nothing waits while holding it.
	mu       sync.Mutex
	random   *rand.Rand
	accounts map[string]*account // by the ID of their access key
	nonces   nonces
	faults   rules
	ledger   ledger
	calls    calls
	receipts receipts
	mns      mns
	files    map[string]RecordingFile // of recordings, by name
	// callRandom makes the ids of calls: the choice of numbers does not depend on how many there are.
	callRandom *rand.Rand
}

// New returns a simulator. The error names the field, the rule and the remedy.
func New(c Config) (*Simulator, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &Simulator{
		config:     c,
		made:       c.Now(),
		closed:     make(chan struct{}),
		pusher:     newPusher(),
		receipts:   receipts{limit: c.LedgerLimit},
		files:      map[string]RecordingFile{},
		mns:        newMNS(c.Receipts.Queues),
		random:     rand.New(rand.NewPCG(c.Seed, 0x64_79_70_6c_73)),
		faults:     rules{seed: c.Seed},
		ledger:     ledger{limit: c.LedgerLimit},
		calls:      calls{limit: c.LedgerLimit},
		callRandom: rand.New(rand.NewPCG(c.Seed, 0x63_61_6c_6c_73)),
	}
	accounts, err := c.accounts(s.random)
	if err != nil {
		return nil, fmt.Errorf("dyplstest: %w", err)
	}
	s.accounts = accounts
	for i, fault := range c.Faults {
		if err := s.addFault(fault); err != nil {
			return nil, fmt.Errorf("dyplstest: Config.Faults[%d]: %w", i, err)
		}
	}
	return s, nil
}

// Close ends every request that hangs or waits, and what calls would still lead to. The simulator
// keeps answering.
func (s *Simulator) Close() {
	s.closeOnce.Do(func() {
		close(s.closed)
		s.pusher.end()
	})
}

// ServeHTTP answers one request.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, queuesPath) {
		s.serveQueue(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, recordingsPath) {
		s.serveRecording(w, r)
		return
	}
	requestID := newRequestID()
	c, refusal := s.admit(w, r)
	if refusal != nil {
		refusal.write(w, requestID)
		return
	}
	c.requestID = requestID
	step, refusal := s.enter(c)
	switch {
	case refusal != nil:
		s.reply(w, c, *refusal)
	case step == nil:
		s.reply(w, c, s.perform(c))
	default:
		s.misbehave(w, r, *step, s.handlingOf(c))
	}
}

// enter notes a call that has proven who it is, and decides whether a quota or a fault stands in
// its way.
func (s *Simulator) enter(c *call) (*Fault, *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nonces.use(c.keyID, c.nonce, c.at) {
		refusal := codeAnswer("SignatureNonceUsed", "Specified signature nonce was used already.")
		return nil, &refusal
	}
	c.entry = s.ledger.open(c)
	if limit, left, exceeded := c.account.quotas.take(c.action, c.at); exceeded {
		refusal := codeAnswer(s.config.QuotaCode, throttledMessage).throttled(limit, left, c.at)
		return nil, &refusal
	}
	rule := s.faults.hit(c)
	if rule == nil {
		return nil, nil
	}
	c.entry.Fault = rule.label
	return &rule.Fault, nil
}

// perform carries a call out, and notes what it did.
func (s *Simulator) perform(c *call) answer {
	action := actions[c.action]
	if refusal := action.check(c.parameters); refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	c.account.settle(now)
	a := action.perform(&service{s, c.account, now, c.base}, c.parameters)
	if a.code == dypls.CodeOK {
		c.entry.Performed = true
		c.entry.SubsID, c.entry.SecretNo = a.subsID, a.secretNo
	}
	return a
}

// reply answers a call. The ledger has it before the client does, so that a test that has an answer
// finds it there.
func (s *Simulator) reply(w http.ResponseWriter, c *call, a answer) {
	if c.entry != nil {
		s.mu.Lock()
		c.entry.Code, c.entry.AnsweredAt = a.code, s.config.Now()
		s.mu.Unlock()
	}
	a.of(c.action).write(w, c.requestID)
}

// wait lets real time pass, less of it when the simulator is closed.
func (s *Simulator) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closed:
	}
}

// Bindings returns what is bound now, of all accounts. Those of one are in the order in which they
// were made.
func (s *Simulator) Bindings() []Binding {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bindings []Binding
	for _, one := range s.accounts {
		one.settle(s.config.Now())
		bindings = append(bindings, one.active()...)
	}
	sortBindings(bindings)
	return bindings
}

// SetQuota changes the calls a second that an action of Config's own account may have; 0 means no
// bound.
func (s *Simulator) SetQuota(action string, perSecond int) error {
	return s.SetAccountQuota(s.config.AccessKeyID, action, perSecond)
}
