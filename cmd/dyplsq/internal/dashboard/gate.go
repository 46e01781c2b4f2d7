package dashboard

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

const (
	atOnce     = 4  // passwords compared at the same moment
	lineAtOnce = 2  // those of one line
	lineLength = 32 // those of one line, with the ones that wait
	// afterWrong is how long a wrong password keeps its place: 16 guesses a second over all, 8 in one
	// line.
	afterWrong  = 250 * time.Millisecond
	gateTimeout = 10 * time.Second
)

// gate bounds how many passwords are compared, and what guessing costs. Log-ins wait in lines. A
// line has at most lineAtOnce of the places, so that who guesses in one line holds up no other.
type gate struct {
	places chan struct{}

	mu    sync.Mutex
	lines map[lineKey]*line
}

// lineKey is where a log-in waits: the network it comes from, and the user whose password it tries.
// Users that do not exist share one line of their network. Behind a proxy everybody comes from one
// address, and the user alone keeps people apart.
type lineKey struct {
	network netip.Prefix
	user    string
}

type line struct {
	places chan struct{}
	length int
}

// errBusy says why a password was not compared.
var errBusy = errors.New("too many log-ins at once: try again in a moment")

func newGate() *gate {
	return &gate{places: make(chan struct{}, atOnce), lines: map[lineKey]*line{}}
}

// enter waits for a place. The caller must call leave, and say whether the password was right.
func (g *gate) enter(
	ctx context.Context,
	from netip.Addr,
	user string,
) (leave func(right bool), err error) {
	key := lineKey{networkOf(from), user}
	l := g.join(key)
	if l == nil {
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, gateTimeout)
	defer cancel()
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		g.quit(key)
		return nil, errBusy
	}
	select {
	case g.places <- struct{}{}:
	case <-ctx.Done():
		<-l.places
		g.quit(key)
		return nil, errBusy
	}
	free := func() {
		<-g.places
		<-l.places
		g.quit(key)
	}
	return func(right bool) {
		if right {
			free()
			return
		}
		time.AfterFunc(afterWrong, free)
	}, nil
}

// join adds a log-in to its line. It returns nil when the line is full.
func (g *gate) join(key lineKey) *line {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lines[key]
	if l == nil {
		l = &line{places: make(chan struct{}, lineAtOnce)}
		g.lines[key] = l
	}
	if l.length >= lineLength {
		return nil
	}
	l.length++
	return l
}

func (g *gate) quit(key lineKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lines[key].length--; g.lines[key].length == 0 {
		delete(g.lines, key)
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
