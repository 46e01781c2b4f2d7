package dyplstest

import (
	"cmp"
	"io"
	"net/http"
)

// handling is how a request of one protocol is carried out and answered.
type handling struct {
	// perform carries it out, and returns what answers it.
	perform func() func(http.ResponseWriter)
	// fail returns what answers it with a fault's code.
	fail func(Fault) func(http.ResponseWriter)
	// literally is called before it is answered with what a fault says.
	literally func()
}

// handlingOf is how a call of the API is handled.
func (s *Simulator) handlingOf(c *call) handling {
	answers := func(a answer) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { s.reply(w, c, a) }
	}
	return handling{
		perform: func() func(http.ResponseWriter) { return answers(s.perform(c)) },
		fail:    func(f Fault) func(http.ResponseWriter) { return answers(s.faultAnswer(f)) },
		literally: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			c.entry.AnsweredAt = s.config.Now()
		},
	}
}

// misbehave does to a request what a fault says.
func (s *Simulator) misbehave(w http.ResponseWriter, r *http.Request, f Fault, h handling) {
	var reply func(http.ResponseWriter)
	if f.performsFirst() {
		reply = h.perform()
	}
	s.wait(f.Delay)
	switch f.Do {
	case AnswerCode, AnswerCodeAfter:
		h.fail(f)(w)
	case Slow:
		if !f.Performed {
			reply = h.perform()
		}
		reply(w)
	case Garbage, Body:
		if h.literally != nil {
			h.literally()
		}
		w.Header().Set("Content-Type", http.DetectContentType([]byte(f.Body)))
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_, _ = io.WriteString(w, f.Body)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	default: // DropBefore, DropAfter
		panic(http.ErrAbortHandler)
	}
}

func (s *Simulator) faultAnswer(f Fault) answer {
	a := codeAnswer(f.Code, f.Message)
	a.status = cmp.Or(f.Status, a.status)
	now := s.config.Now()
	return a.throttled(0, untilNextSecond(now), now)
}
