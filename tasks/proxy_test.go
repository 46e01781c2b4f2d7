package tasks_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a client and its Redis. A request that it is told to lose reaches Redis and
// is carried out; its reply is dropped, and the connection with it: what a client sees when a
// network fails at the wrong moment.
type proxy struct {
	addr string
	lose func(request []byte) bool

	mu   sync.Mutex
	lost int
}

func startProxy(t *testing.T, redisURL string, lose func(request []byte) bool) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String(), lose: lose}
	upstream := strings.TrimSuffix(strings.TrimPrefix(redisURL, "redis://"), "/0")
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client, upstream) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.addr + "/0" }

func (p *proxy) serve(client net.Conn, upstream string) {
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		_ = client.Close()
		return
	}
	var both sync.WaitGroup
	var mu sync.Mutex
	losing := false
	both.Go(func() { // replies
		defer func() { _, _ = client.Close(), server.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			mu.Lock()
			drop := losing
			mu.Unlock()
			if err != nil || drop {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	both.Go(func() { // requests
		defer func() { _, _ = client.Close(), server.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := client.Read(buffer)
			if err != nil {
				return
			}
			if p.decide(buffer[:n]) {
				mu.Lock()
				losing = true
				mu.Unlock()
			}
			if _, err := io.Copy(server, bytes.NewReader(buffer[:n])); err != nil {
				return
			}
		}
	})
	both.Wait()
}

func (p *proxy) decide(request []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.lose(request) {
		return false
	}
	p.lost++
	return true
}

func (p *proxy) losses() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}
