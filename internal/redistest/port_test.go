package redistest

import "testing"

// TestPortsAreReserved: a port that a test has picked is no other test's until it ends, whether
// somebody listens on it or not.
func TestPortsAreReserved(t *testing.T) { //nolint:tparallel // its subtest is over when it goes on
	t.Parallel()
	var port string
	t.Run("its test", func(t *testing.T) {
		port = freePort(t)
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
