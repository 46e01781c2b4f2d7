package dashboard

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

const (
	atOnce      = 4                      // passwords looked at in the same moment
	fromOne     = 8                      // those of one address, with the ones that wait
	afterWrong  = 250 * time.Millisecond // a wrong one keeps its place so long: at most 16 guesses a second, whoever makes them
	gateTimeout = 10 * time.Second
)

// gate bounds how many passwords are guessed, and what the guessing costs. An address that guesses keeps only itself waiting long:
// whoever comes from another has at most fromOne in front of him.
type gate struct {
	places chan struct{}

	mu   sync.Mutex
	from map[netip.Prefix]int
}

// errBusy is why a password is not looked at.
var errBusy = errors.New("too many log-ins from this address at once")

func newGate() *gate {
	return &gate{places: make(chan struct{}, atOnce), from: map[netip.Prefix]int{}}
}

// enter waits for a place. Whoever got one leaves, and says whether the password was right.
func (g *gate) enter(ctx context.Context, address netip.Addr) (leave func(right bool), err error) {
	network := networkOf(address)
	g.mu.Lock()
	if g.from[network] >= fromOne {
		g.mu.Unlock()
		return nil, errBusy
	}
	g.from[network]++
	g.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, gateTimeout)
	defer cancel()
	select {
	case g.places <- struct{}{}:
		return func(right bool) { g.leave(network, right) }, nil
	case <-ctx.Done():
		g.forget(network)
		return nil, errBusy
	}
}

func (g *gate) leave(network netip.Prefix, right bool) {
	if right {
		<-g.places
		g.forget(network)
		return
	}
	time.AfterFunc(afterWrong, func() {
		<-g.places
		g.forget(network)
	})
}

func (g *gate) forget(network netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.from[network]--; g.from[network] <= 0 {
		delete(g.from, network)
	}
}

// networkOf is what one guesser has: an IPv4 address, or the /64 that any IPv6 host is given.
func networkOf(address netip.Addr) netip.Prefix {
	const host = 64
	bits := address.BitLen()
	if address.Is6() {
		bits = host
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}
