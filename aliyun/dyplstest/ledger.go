package dyplstest

import (
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Entry is one call that arrived and proved who it is, and what became of it, whatever the client
// was told. Its numbers are whole: it is test data.
type Entry struct {
	Seq    int    `json:"seq"` // 1, 2, 3 in the order of arrival
	Action string `json:"action"`
	// AccessKeyID tells whose call it was: the one that the signature was made with.
	AccessKeyID string            `json:"access_key_id"`
	Parameters  map[string]string `json:"parameters"` // of the action, without those of the protocol
	RequestID   string            `json:"request_id"`
	Nonce       string            `json:"nonce"`
	ReceivedAt  time.Time         `json:"received_at"`
	// AnsweredAt is the zero time while the call is being worked on, and where it gets no answer.
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// Performed tells that the action was carried out and succeeded.
	Performed bool `json:"performed"`
	// Code is what was answered: "" for no answer, or one that has none.
	Code string `json:"code"`
	// SubsID and SecretNo are what a performed action made or was about.
	SubsID   string      `json:"subs_id,omitzero"`
	SecretNo dypls.Phone `json:"secret_no,omitzero"`
	// Fault is the rule that hit the call, "" for none.
	Fault string `json:"fault,omitzero"`

	parameters parameters // what Parameters is made from, where it is read
}

// ledger holds the entries in the order of arrival.
type ledger struct {
	limit   int // negative: none
	arrived int
	entries []*Entry
}

// open adds the entry of a call that has just arrived.
func (l *ledger) open(c *call) *Entry {
	l.arrived++
	e := &Entry{
		Seq:         l.arrived,
		Action:      c.action,
		AccessKeyID: c.keyID,
		RequestID:   c.requestID,
		Nonce:       c.nonce,
		ReceivedAt:  c.at,
		parameters:  c.parameters,
	}
	if l.limit > 0 && len(l.entries) >= l.limit {
		l.entries[0], l.entries = nil, l.entries[1:]
	}
	l.entries = append(l.entries, e)
	return e
}

// Ledger returns every call that arrived and passed authentication, in the order of arrival: those
// that are still being worked on, too. It keeps the last Config.LedgerLimit.
func (s *Simulator) Ledger() []Entry {
	return s.entries(func(*Entry) bool { return true })
}

// entries copies what is wanted. The maps are made after the lock is released: there may be many.
func (s *Simulator) entries(wanted func(*Entry) bool) []Entry {
	s.mu.Lock()
	copies := make([]Entry, 0, len(s.ledger.entries))
	for _, e := range s.ledger.entries {
		if wanted(e) {
			copies = append(copies, *e)
		}
	}
	s.mu.Unlock()
	for i := range copies {
		e := &copies[i]
		e.Parameters = make(map[string]string, len(e.parameters))
		for _, p := range e.parameters {
			e.Parameters[p.name] = p.value
		}
		e.parameters = nil
	}
	return copies
}
