package rig

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	chunkSize = 64 << 10
	// inFlight is how many chunks may be on their way in one direction of a connection: more than a
	// round trip's worth.
	inFlight = 1024
	// early is by how much a thread that sleeps is woken late, and a parcel is carried through this
	// process, more or less.
	early = 100 * time.Microsecond
)

// Line carries TCP to another address, and takes a while for it: as long each way, more or less a
// tenth of a millisecond. It neither limits how much travels at once nor changes its order.
type Line struct {
	Addr string

	target   string
	delay    time.Duration
	listener net.Listener
	parcels  chan parcel
	closed   chan struct{}
	closing  sync.Once

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// parcel is something to be handed over when it is due. All take equally long, so that the first to
// come is the first due.
type parcel struct {
	due  time.Time
	data []byte // nil: the end
	to   chan<- []byte
}

// Lay lays a line to an address.
func Lay(target string, roundTrip time.Duration) (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	const connections = 1000
	l := &Line{
		Addr: listener.Addr().String(), target: target, delay: max(roundTrip/2-early, 0),
		listener: listener,
		parcels:  make(chan parcel, connections*inFlight/16), closed: make(chan struct{}),
		conns: map[net.Conn]struct{}{},
	}
	go l.deliver()
	go l.accept()
	return l, nil
}

// Close cuts it. It may be called again.
func (l *Line) Close() error {
	err := l.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing.Do(func() { close(l.closed) })
	for conn := range l.conns {
		_ = conn.Close()
	}
	return err
}

// deliver hands each parcel over when it is due.
func (l *Line) deliver() {
	for {
		select {
		case <-l.closed:
			return
		case p := <-l.parcels:
			sleepUntil(p.due)
			p.to <- p.data // there is room: see carry
		}
	}
}

// sleepUntil is for pauses that Go's own timers are of no use for: in an idle process they come up
// to a millisecond late. A signal of the Go runtime may end one sleep early, and so it sleeps
// again.
func sleepUntil(due time.Time) {
	for wait := time.Until(due); wait > 0; wait = time.Until(due) {
		pause := syscall.NsecToTimespec(wait.Nanoseconds())
		_ = syscall.Nanosleep(&pause, nil)
	}
}

func (l *Line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := net.DialTimeout("tcp", l.target, startsWithin)
			if err != nil {
				_ = near.Close()
				return
			}
			l.join(near, far)
		}()
	}
}
