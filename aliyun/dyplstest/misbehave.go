package dyplstest

import (
	"cmp"
	"io"
	"net/http"
)

// misbehave does to a call what a fault says.
func (s *Simulator) misbehave(w http.ResponseWriter, r *http.Request, c *call, f Fault) {
	var done answer
	if f.performsFirst() {
		done = s.perform(c)
	}
	s.wait(f.Delay)
	switch f.Do {
	case AnswerCode, AnswerCodeAfter:
		s.reply(w, c, s.faultAnswer(f))
	case Slow:
		if !f.Performed {
			done = s.perform(c)
		}
		s.reply(w, c, done)
	case Garbage, Body:
		s.replyLiterally(w, c, f)
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

func (s *Simulator) replyLiterally(w http.ResponseWriter, c *call, f Fault) {
	s.mu.Lock()
	c.entry.AnsweredAt = s.config.Now()
	s.mu.Unlock()
	w.Header().Set("Content-Type", http.DetectContentType([]byte(f.Body)))
	w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
	_, _ = io.WriteString(w, f.Body)
}
