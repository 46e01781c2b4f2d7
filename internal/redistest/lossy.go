package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Lossy returns the address of a Redis, that at addr, whose replies to requests with a mark in them
// are lost, and their connection with them, after they were carried out.
func Lossy(tb testing.TB, addr, mark string) string {
	tb.Helper()
	return relay(tb, func(client net.Conn) { serveLossy(client, addr, []byte(mark)) })
}

// relay serves connections until the test ends.
func relay(tb testing.TB, serve func(client net.Conn)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	tb.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for client := range open {
			_ = client.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[client] = true
			mu.Unlock()
			serving.Go(func() {
				serve(client)
				_ = client.Close()
				mu.Lock()
				delete(open, client)
				mu.Unlock()
			})
		}
	})
	return listener.Addr().String()
}

func serveLossy(client net.Conn, addr string, mark []byte) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	var lose atomic.Bool
	var back sync.WaitGroup
	back.Go(func() {
		pass(client, server, func([]byte) bool { return !lose.Load() })
		_ = client.Close()
	})
	pass(server, client, func(request []byte) bool {
		lose.CompareAndSwap(false, bytes.Contains(request, mark))
		return true
	})
	_ = server.Close()
	back.Wait()
}

// pass hands on what keep lets through, until either side ends or something is not let through.
func pass(to, from net.Conn, keep func([]byte) bool) {
	buffer := make([]byte, 64<<10) // requests of a test fit in
	for {
		n, err := from.Read(buffer)
		if err != nil || !keep(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
