package breaker

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

const (
	// endpointFirst and endpointMost bound the pauses between probes of an endpoint that does not
	// answer as the API. A probe is one read.
	endpointFirst = 5 * time.Second
	endpointMost  = time.Minute
)

// exposed is why a bind waits whose answer might be lost.
const exposed = "what answers at the endpoint is not the API: a bind that cannot be looked up waits"

// EndpointOpen reports whether the endpoint's scope is open, as far as this worker has heard: what
// answers is not the API.
func (b *Breaker) EndpointOpen() bool {
	if b.opened.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, open := b.probes[breakers.Endpoint]
	return open
}

// EndpointError is why a call may not leave while the endpoint's scope is open.
func (*Breaker) EndpointError() error { return &OpenError{delay: endpointFirst, reason: exposed} }

// ProbeEndpoint finds out whether the API answers again, where that is this run's turn. It always
// returns an error, an *OpenError or Redis': the call itself was noted too long ago by then.
func (b *Breaker) ProbeEndpoint(
	ctx context.Context,
	run string,
	apiAnswers func(context.Context) bool,
) error {
	held := func(delay time.Duration) error {
		return &OpenError{delay: delay + b.jitter(breakers.Endpoint), reason: exposed}
	}
	if wait := b.untilProbe(breakers.Endpoint); wait > 0 {
		return held(wait)
	}
	verdict, wait, err := b.probe(ctx, breakers.Endpoint, run)
	switch {
	case err != nil:
		return err
	case verdict == breakers.Held:
		return held(min(wait, endpointFirst))
	case verdict == breakers.Closed:
		return held(0)
	}
	if apiAnswers(ctx) {
		b.close(ctx, breakers.Endpoint)
		return held(0)
	}
	return held(b.trip(ctx, breakers.Endpoint, dypls.CodeNoAnswer, run))
}

// Answered takes in that the API itself answered a call.
func (b *Breaker) Answered(ctx context.Context) {
	b.Start.answered()
	if b.EndpointOpen() {
		b.close(ctx, breakers.Endpoint)
	}
}

// Unanswered takes in that a call was sent at a moment, and not answered by the API.
func (b *Breaker) Unanswered(ctx context.Context, run string, sentAt time.Time) {
	if b.closedSince(breakers.Endpoint, sentAt) {
		return // it says nothing new
	}
	if b.Start.missed() && !b.EndpointOpen() {
		b.trip(ctx, breakers.Endpoint, dypls.CodeNoAnswer, run)
	}
}

// untilProbe returns how long it is until a probe of an open scope may go.
func (b *Breaker) untilProbe(scope string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.probes[scope])
}
