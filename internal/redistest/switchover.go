package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Switchover stands between clients and the master, as the proxies of managed editions do: who
// connects is led to the one that is the master by then, and who is connected stays where it is. It
// puts an ERR in front of what a demoted master says.
type Switchover struct {
	Addr string

	master atomic.Pointer[Server]
	worded atomic.Int64
}

// StartSwitchover stands before a master until the test ends. Clients need no TLS, whatever the
// master wants.
func StartSwitchover(tb testing.TB, master *Server) *Switchover {
	tb.Helper()
	s := &Switchover{}
	s.master.Store(master)
	s.Addr = relay(tb, s.serve)
	return s
}

// To leads those who connect from now on to another master.
func (s *Switchover) To(master *Server) { s.master.Store(master) }

// Refusals is how often a demoted master refused, and was put into other words.
func (s *Switchover) Refusals() int64 { return s.worded.Load() }

func (s *Switchover) serve(client net.Conn) {
	server, err := s.master.Load().Dial()
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		s.reword(client, server)
		_ = client.Close()
	})
	pass(server, client, func([]byte) bool { return true })
	_ = server.Close()
	back.Wait()
}

func (s *Switchover) reword(client, server net.Conn) {
	said, worded := []byte("-READONLY "), []byte("-ERR READONLY ")
	chunk := make([]byte, 64<<10)
	for {
		n, err := server.Read(chunk)
		s.worded.Add(int64(bytes.Count(chunk[:n], said)))
		if _, wrong := client.Write(bytes.ReplaceAll(chunk[:n], said, worded)); err != nil ||
			wrong != nil {
			return
		}
	}
}
