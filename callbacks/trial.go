package callbacks

import (
	"context"
	"crypto/rand"
)

// Test sends an endpoint an event of the type callback.test, once and at once, whether it is
// disabled or not, and returns what came of it. Nothing of it is kept.
//
// Errors: [ErrUnknownEndpoint].
func (s *Sender) Test(ctx context.Context, endpoint string) (Attempt, error) {
	to, err := s.endpoint(endpoint)
	if err != nil {
		return Attempt{}, err
	}
	const size = 16
	var random [size]byte
	_, _ = rand.Read(random[:]) // it does not fail
	e := event{kind: callbackTest, id: "msg_" + letters(random[:]), thin: struct {
		Endpoint string `json:"endpoint"`
	}{to.Name}}
	body, err := e.body(false, s.now())
	if err != nil {
		return Attempt{}, err
	}
	p := newPoster(to, s.Config)
	defer p.close()
	return p.send(ctx, e.id, body), nil
}
