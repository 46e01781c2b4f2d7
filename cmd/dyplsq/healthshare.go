package main

import (
	"context"
	"sync"
	"time"
)

// shareFor is how long an answer of readiness is good for all who ask.
const shareFor = time.Second

// sharedReadiness asks once for all who ask at about the same time: /readyz has no password, and
// each answer costs Redis and the source of the credentials a question.
type sharedReadiness struct {
	ask func(context.Context) readiness
	now func() time.Time

	mu     sync.Mutex // held while it is being asked: the others wait for that answer
	answer readiness
	at     time.Time
}

// get returns an answer that is no older than shareFor. That the client that asks leaves does not
// end the question: others wait for it.
func (s *sharedReadiness) get(ctx context.Context) readiness {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.now().Sub(s.at); s.at.IsZero() || age < 0 || age >= shareFor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		s.answer = s.ask(ctx)
		s.at = s.now()
	}
	return s.answer
}
