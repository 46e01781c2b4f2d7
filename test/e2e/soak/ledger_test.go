package soak

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// soakLedger reads a simulator's ledger bit by bit: in half an hour it grows too long to be kept,
// or copied, whole.
type soakLedger struct {
	simulator *dyplstest.Simulator

	mu     sync.Mutex
	after  int            // entries up to it are over
	seen   map[int]bool   // of the later ones, those that are counted
	binds  map[string]int // that took effect, by task
	subsID map[string]string
	x      map[string]string
	faults map[string]int
}

func newSoakLedger(simulator *dyplstest.Simulator) *soakLedger {
	return &soakLedger{
		simulator: simulator, seen: map[int]bool{}, binds: map[string]int{}, subsID: map[string]string{}, x: map[string]string{}, faults: map[string]int{},
	}
}

// read takes in what is new. An entry is over when nothing can happen to it any more.
func (l *soakLedger) read(t *testing.T) {
	t.Helper()
	const over = 30 * time.Second
	l.mu.Lock()
	defer l.mu.Unlock()
	recorder := httptest.NewRecorder()
	l.simulator.LedgerHandler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/?after="+strconv.Itoa(l.after), nil))
	decoder := json.NewDecoder(recorder.Body)
	for decoder.More() {
		var e dyplstest.Entry
		if err := decoder.Decode(&e); err != nil {
			t.Errorf("the ledger: %v", err)
			return
		}
		ended := !e.AnsweredAt.IsZero() || time.Since(e.ReceivedAt) > over
		if !l.seen[e.Seq] && (e.Performed || ended) {
			l.seen[e.Seq] = true
			l.count(e)
		}
		if e.Seq == l.after+1 && time.Since(e.ReceivedAt) > over {
			delete(l.seen, e.Seq)
			l.after = e.Seq
		}
	}
}

func (l *soakLedger) count(e dyplstest.Entry) {
	if e.Fault != "" {
		l.faults[e.Fault]++
	}
	if id := e.Parameters["OutId"]; e.Performed && strings.HasPrefix(e.Action, "Bind") {
		l.binds[id]++
		l.subsID[id], l.x[id] = e.SubsID, string(e.SecretNo)
	}
}

// result is what the API would have answered to a bind that took effect.
func (l *soakLedger) result(id string) (json.RawMessage, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.binds[id] == 0 {
		return nil, false
	}
	text, err := json.Marshal(map[string]string{"SubsId": l.subsID[id], "SecretNo": l.x[id]})
	return text, err == nil
}
