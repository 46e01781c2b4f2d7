package dyplstest

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"time"
)

// Outcome is what has become of a [Receipt].
type Outcome string

// The outcomes.
const (
	ReceiptPending  Outcome = "pending"
	ReceiptAccepted Outcome = "accepted" // a push was answered as it should be
	ReceiptDropped  Outcome = "dropped"  // every push failed
	ReceiptDeleted  Outcome = "deleted"  // who fetched it from a queue deleted it
	ReceiptExpired  Outcome = "expired"  // nobody did while the queue kept it
)

// Receipt is one receipt on its way. What was accepted or deleted, and is not to be found with who
// did so, was lost there.
type Receipt struct {
	Seq    int    `json:"seq"` // 1, 2, 3 in the order in which they were sent
	Type   string `json:"type"`
	CallID string `json:"call_id"`
	Way    Way    `json:"way"`
	// Queue is where it lies, if it travels so.
	Queue string `json:"queue,omitzero"`
	// Record is what is sent. A push has it in an array, with others or alone.
	Record json.RawMessage `json:"record"`
	// Duplicate tells the second of two that are the same; Late and OutOfOrder what a rule did to it.
	Duplicate  bool      `json:"duplicate,omitzero"`
	Late       bool      `json:"late,omitzero"`
	OutOfOrder bool      `json:"out_of_order,omitzero"`
	SentAt     time.Time `json:"sent_at"` // for the first time
	Outcome    Outcome   `json:"outcome"`
	// Pushes are the attempts to push it.
	Pushes []Push `json:"pushes,omitzero"`
	// Fetched is how many times it was taken from its queue.
	Fetched int `json:"fetched,omitzero"`
}

// Push is one attempt to push a receipt, and its answer.
type Push struct {
	At       time.Time `json:"at"`
	TookMS   float64   `json:"took_ms"`
	Records  int       `json:"records"`          // in the array
	Status   int       `json:"status,omitzero"`  // of the answer; 0 for none
	Answer   string    `json:"answer,omitzero"`  // its first 256 bytes
	Problem  string    `json:"problem,omitzero"` // why it counts as failed
	Accepted bool      `json:"accepted"`
}

// receipts are those that were sent.
type receipts struct {
	limit int // negative: none
	sent  int
	list  []*Receipt
	boxes map[string]*outbox // of pushes, by type
}

// Receipts returns what was sent, in that order, and what became of it. It keeps the last
// Config.LedgerLimit.
func (s *Simulator) Receipts() []Receipt {
	return s.receiptsThat(func(*Receipt) bool { return true })
}

func (s *Simulator) receiptsThat(wanted func(*Receipt) bool) []Receipt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Receipt
	for _, r := range s.receipts.list {
		if wanted(r) {
			one := *r
			one.Pushes = slices.Clone(r.Pushes)
			all = append(all, one)
		}
	}
	return all
}

// gap is between receipts that were held back, and before the second of two that are the same.
const gap = time.Second

// planned is a receipt that is to be sent a while after its call began.
type planned struct {
	Receipt

	wait time.Duration
}

// sendReceipts sees to it that each receipt of a call is sent when it is due.
func (s *Simulator) sendReceipts(c *placedCall) {
	for _, way := range []Way{ByHTTP, ByQueue} {
		plan := s.plan(c, way)
		slices.SortStableFunc(plan, func(a, b planned) int { return cmp.Compare(a.wait, b.wait) })
		s.sendInTurn(c, plan, 0)
	}
}

// sendInTurn sends what is next when it is due, and then what follows: two that are due
// together keep their order.
func (s *Simulator) sendInTurn(c *placedCall, plan []planned, sent time.Duration) {
	if len(plan) == 0 {
		return
	}
	s.later(plan[0].wait-sent, func() {
		switch plan[0].Type { // what is announced is there
		case SecretRecording:
			s.putUp(c)
		case SecretAsrReport:
			s.putUpTranscript(c)
		}
		s.send(plan[0].Receipt)
		s.sendInTurn(c, plan[1:], plan[0].wait)
	})
}

// plan makes the receipts that travel one way, and lets rules hit them.
func (s *Simulator) plan(c *placedCall, way Way) []planned {
	config := s.config.Receipts
	all := s.events(c)
	held := s.chosen(config.OutOfOrder, "order", c.CallID, "", way)
	latest := slices.MaxFunc(all, func(a, b event) int { return a.due.Compare(b.due) })
	last := latest.due.Sub(c.CallTime)
	var plan []planned
	for i, e := range all {
		if way == ByHTTP && config.Push[e.kind] == "" || way == ByQueue && config.Queues[e.kind] == "" {
			continue
		}
		r := planned{
			Receipt{Type: e.kind, CallID: c.CallID, Way: way, Record: s.encode(c, e.kind, way)},
			e.due.Sub(c.CallTime),
		}
		if way == ByQueue {
			r.Queue = config.Queues[e.kind]
		}
		if held {
			r.OutOfOrder = true
			r.wait = last + time.Duration(len(all)-1-i)*gap
		}
		if s.chosen(config.Late, "late", c.CallID, e.kind, way) {
			r.Late = true
			r.wait += config.LateBy
		}
		plan = append(plan, r)
		if s.chosen(config.Duplicates, "twice", c.CallID, e.kind, way) {
			r.Duplicate = true
			r.wait += gap
			plan = append(plan, r)
		}
	}
	return plan
}

// chosen reports whether a rule hits a receipt.
func (s *Simulator) chosen(rate float64, rule, callID, kind string, way Way) bool {
	sum := fnv.New64a()
	for _, part := range []string{rule, callID, kind, string(way)} {
		_, _ = sum.Write(append([]byte(part), 0)) // never fails
	}
	return rate > 0 && share(sum.Sum64()^mix(s.config.Seed)) < rate
}

// send sends a receipt for the first time.
func (s *Simulator) send(r Receipt) {
	s.mu.Lock()
	s.receipts.sent++
	r.Seq, r.SentAt, r.Outcome = s.receipts.sent, s.config.Now(), ReceiptPending
	if l := &s.receipts; l.limit > 0 && len(l.list) >= l.limit {
		l.list[0], l.list = nil, l.list[1:]
	}
	s.receipts.list = append(s.receipts.list, &r)
	if r.Way == ByQueue {
		s.mns.queues[r.Queue].put(&r, r.SentAt)
	}
	s.mu.Unlock()
	if r.Way == ByHTTP {
		go s.pushLater(&r)
	}
}
