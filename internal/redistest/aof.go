package redistest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Logged is how many bytes there are by now of the append-only file that the server writes to.
func (s *Server) Logged(tb testing.TB) int64 {
	tb.Helper()
	info, err := os.Stat(s.appendOnlyFile(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return info.Size()
}

// RestartCutShort kills the server as a crash would, cuts its append-only file after so many bytes,
// as a disk does that kept less than it said, and starts it with the rest.
func (s *Server) RestartCutShort(tb testing.TB, keep int64) {
	tb.Helper()
	s.Kill()
	if err := os.Truncate(s.appendOnlyFile(tb), keep); err != nil {
		tb.Fatal(err)
	}
	s.Restart(tb)
}

// appendOnlyFile is the last of the increments, the one that Redis writes to, and the only one that
// it loads though its end is missing.
func (s *Server) appendOnlyFile(tb testing.TB) string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.folder(), "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("the server has no append-only file: %v", err)
	}
	return slices.Max(files)
}
