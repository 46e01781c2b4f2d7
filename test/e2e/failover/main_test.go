// Package failover holds tests of the whole system on a Redis that fails over: Sentinel and
// Cluster, their processes and their masters killed.
package failover

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
