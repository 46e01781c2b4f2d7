package httpapi

import (
	"net/http"
	"sync"
	"time"
)

const (
	// slotWithin is how long a request waits for others to be done.
	slotWithin = time.Second
	// waitsShare is the part of all waits that one token may have.
	waitsShare = 4
	// answerWithin is how long an answer may take to be written after its wait is over.
	answerWithin = 10 * time.Second
)

// work makes an exchange one of those that are worked on.
func (e *exchange) work() error {
	select {
	case e.api.slots <- struct{}{}:
		e.slot = true
		return nil
	default:
	}
	patience := time.NewTimer(slotWithin)
	defer patience.Stop()
	select {
	case e.api.slots <- struct{}{}:
		e.slot = true
		return nil
	case <-e.r.Context().Done():
		return e.r.Context().Err()
	case <-patience.C:
		return problem(busy)
	}
}

// leave gives the slot back.
func (e *exchange) leave() {
	if e.slot {
		e.slot = false
		<-e.api.slots
	}
}

// wait makes an exchange one of those that wait, for d, instead of being worked on. It is worked on
// again when it ends its wait.
func (e *exchange) wait(d time.Duration) (resume func() error, err error) {
	if p := e.api.waits.begin(e.token.Name); p != nil {
		return nil, p
	}
	e.leave()
	e.api.tellWaits()
	control := http.NewResponseController(e.ResponseWriter)
	_ = control.SetReadDeadline(time.Time{}) // one that passes would end the request
	_ = control.SetWriteDeadline(time.Now().Add(d + answerWithin))
	return func() error {
		e.api.waits.end(e.token.Name)
		e.api.tellWaits()
		if err := e.stillHolds(); err != nil {
			return err
		}
		return e.work()
	}, nil
}

func (a *API) tellWaits() {
	if a.trace.Waiting != nil {
		a.trace.Waiting(a.waits.open())
	}
}

// waits counts those who wait, by their tokens.
type waits struct {
	most int

	mu  sync.Mutex
	all int
	of  map[string]int
}

func (w *waits) begin(token string) *Problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.of[token] >= max(w.most/waitsShare, 1):
		return problem(tooManyWaits)
	case w.all >= w.most:
		return problem(busy)
	}
	w.all++
	w.of[token]++
	return nil
}

func (w *waits) end(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.of[token]--; w.of[token] == 0 {
		delete(w.of, token)
	}
}

func (w *waits) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}
