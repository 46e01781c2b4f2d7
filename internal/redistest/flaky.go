package redistest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Flaky stands between clients and a Redis, and loses replies, with their connections, after what
// they answer was carried out. Replicas that come through it lose none.
type Flaky struct {
	Addr string

	rate atomic.Int64 // replies lost of a million
	lost atomic.Int64
}

// StartFlaky stands before the Redis at addr until the test ends. It loses nothing until it is told
// to.
func StartFlaky(tb testing.TB, addr string) *Flaky {
	tb.Helper()
	f := &Flaky{}
	f.Addr = relay(tb, func(client net.Conn) { f.serve(client, addr) })
	return f
}

const million = 1_000_000

// Lose has so large a share of the replies lost from now on: 0 for none, 1 for all.
func (f *Flaky) Lose(share float64) { f.rate.Store(int64(share * million)) }

// Lost is how many were lost.
func (f *Flaky) Lost() int64 { return f.lost.Load() }

// Port is the one of its address.
func (f *Flaky) Port() string {
	_, port, _ := net.SplitHostPort(f.Addr)
	return port
}

func (f *Flaky) serve(client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	var replica atomic.Bool
	var back sync.WaitGroup
	back.Go(func() {
		pass(client, server, func([]byte) bool {
			if replica.Load() || rand.Int64N(million) >= f.rate.Load() {
				return true
			}
			f.lost.Add(1)
			return false
		})
		_ = client.Close()
	})
	pass(server, client, func(request []byte) bool {
		replica.CompareAndSwap(false, bytes.Contains(request, []byte("REPLCONF")))
		return true
	})
	_ = server.Close()
	back.Wait()
}
