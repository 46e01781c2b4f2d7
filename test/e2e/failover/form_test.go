package failover

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// failoverForm is how long and hard a test of failovers is.
type failoverForm struct {
	rate   int           // binds a second
	calm   time.Duration // of load before the first fault, and between two
	kills  int
	slots  int // that are moved, of records
	shards int // of each queue, on a cluster
}

func formOfFailover(t *testing.T) failoverForm {
	t.Helper()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	if systemtest.WholeScale() {
		return failoverForm{rate: 300, calm: 10 * time.Second, kills: 3, slots: 40, shards: 12}
	}
	return failoverForm{rate: 60, calm: 2 * time.Second, kills: 1, slots: 5, shards: 12}
}
