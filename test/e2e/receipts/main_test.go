// Package receipts holds tests of the whole way of receipts: from calls on the simulator, by HTTP
// and in queues, through receivers that are killed, to the records of the calls.
package receipts

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
