package rig

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// join carries both ways until both have ended.
func (l *Line) join(near, far net.Conn) {
	if !l.keep(near, far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.carry(far, near) })
	both.Go(func() { l.carry(near, far) })
	both.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range []net.Conn{near, far} {
		_ = conn.Close()
		delete(l.conns, conn)
	}
}

func (l *Line) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		for _, conn := range conns {
			_ = conn.Close()
		}
		return false
	default:
	}
	for _, conn := range conns {
		l.conns[conn] = struct{}{}
	}
	return true
}

// carry carries one way.
func (l *Line) carry(to, from net.Conn) {
	arrived := make(chan []byte, inFlight+1) // and the end
	// held from the reading to the writing, so that arrived never is full
	room := make(chan struct{}, inFlight)
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, chunkSize)
		for {
			select {
			case room <- struct{}{}:
			case <-l.closed:
				return
			}
			n, err := from.Read(buffer)
			due := time.Now().Add(l.delay)
			data := append([]byte{}, buffer[:n]...)
			if n > 0 && !l.send(parcel{due, data, arrived}) {
				return
			}
			if err != nil {
				l.send(parcel{due, nil, arrived})
				return
			}
		}
	})
	write(to, arrived, room, l.closed)
	_ = from.SetReadDeadline(time.Now())
	reading.Wait()
}

func (l *Line) send(p parcel) bool {
	select {
	case l.parcels <- p:
		return true
	case <-l.closed:
		return false
	}
}

// write writes what arrives until its end. Once the other side is gone it goes on taking, for the
// reader's sake.
func write(to net.Conn, arrived <-chan []byte, room <-chan struct{}, closed <-chan struct{}) {
	var gone bool
	for {
		select {
		case <-closed:
			return
		case data := <-arrived:
			if data == nil {
				if half, ok := to.(interface{ CloseWrite() error }); ok {
					_ = half.CloseWrite()
				}
				return
			}
			<-room
			if gone {
				continue
			}
			if _, err := to.Write(data); err != nil && !errors.Is(err, io.EOF) {
				gone = true
			}
		}
	}
}
