package redistest

import (
	"os/exec"
	"sync"
	"testing"
)

// TestPortsAreReserved: a port that a test has picked is no other test's until it ends, whether
// somebody listens on it or not.
func TestPortsAreReserved(t *testing.T) { //nolint:tparallel // its subtest is over when it goes on
	t.Parallel()
	var port string
	t.Run("its test", func(t *testing.T) {
		port = FreePort(t)
		if _, reserved := reserve(t, port); reserved {
			t.Errorf("%s was given to two tests", port)
		}
	})
	release, reserved := reserve(t, port)
	if !reserved {
		t.Fatalf("%s is still reserved after its test", port)
	}
	release()
}

// TestPortIsFreeWhileAProcessStarts: a process that another test starts at that moment keeps no
// port.
func TestPortIsFreeWhileAProcessStarts(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	var starters sync.WaitGroup
	for range 3 {
		starters.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					_ = exec.CommandContext(t.Context(), "true").Run()
				}
			}
		})
	}
	t.Cleanup(func() { close(ended); starters.Wait() })
	port := FreePort(t) + "-while-a-process-starts" // that no other test can pick
	for range 500 {
		release, reserved := reserve(t, port)
		if !reserved {
			t.Fatal("it is still reserved after its release")
		}
		release()
	}
}
