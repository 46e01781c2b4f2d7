package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// StartReplica starts a redis-server that follows master, and waits until it is in sync.
func StartReplica(tb testing.TB, master *Server, args ...string) *Server {
	tb.Helper()
	ctx := context.Background()
	if err := master.Client(tb).ConfigSet(ctx, "repl-diskless-sync-delay", "0").Err(); err != nil {
		tb.Fatalf("make the master quick: %v", err)
	}
	host, port, _ := net.SplitHostPort(master.Addr)
	args = append([]string{"--replicaof", host + " " + port}, args...)
	var s *Server
	if master.papers != nil {
		s = startSecured(tb, master.papers, LeastRule, args...)
	} else {
		s = startWith(tb, master.options, args...)
	}
	client := s.Client(tb)
	Poll(tb, startWithin, "the replica to be in sync", func(ctx context.Context) error {
		info, err := client.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("not yet")
		}
		return err
	})
	return s
}

// Promote makes a replica a master, as a failover does.
func (s *Server) Promote(tb testing.TB) {
	tb.Helper()
	client := s.newClient()
	defer func() { _ = client.Close() }()
	if err := client.ReplicaOf(context.Background(), "NO", "ONE").Err(); err != nil {
		tb.Fatalf("promote the replica: %v", err)
	}
}

// Freeze keeps the server from running until Thaw, or until what it returns is called, as a machine
// that hangs: it takes connections and answers nothing.
func (s *Server) Freeze(tb testing.TB) (thaw func()) {
	tb.Helper()
	s.signal(tb, syscall.SIGSTOP)
	return func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(tb testing.TB) {
	tb.Helper()
	s.signal(tb, syscall.SIGCONT)
}

func (s *Server) signal(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		tb.Fatalf("%s to redis-server: %v", signal, err)
	}
}

// Copy copies what the server has on disk by now, for RestartFrom.
func (s *Server) Copy(tb testing.TB) (folder string) {
	tb.Helper()
	folder = filepath.Join(tb.TempDir(), "copy")
	if err := os.CopyFS(folder, os.DirFS(s.folder())); err != nil {
		tb.Fatalf("copy what Redis has: %v", err)
	}
	return folder
}

// RestartFrom kills the server as a crash would, and starts it with what it had when it was copied.
func (s *Server) RestartFrom(tb testing.TB, folder string) {
	tb.Helper()
	s.Kill()
	if err := os.RemoveAll(s.folder()); err != nil {
		tb.Fatal(err)
	}
	if err := os.CopyFS(s.folder(), os.DirFS(folder)); err != nil {
		tb.Fatalf("put the copy in its place: %v", err)
	}
	s.Restart(tb)
}

func (s *Server) folder() string { return s.args[slices.Index(s.args, "--dir")+1] }
