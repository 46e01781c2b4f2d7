// Package crash holds tests of the whole system of which a part is killed, frozen, restarted or
// told a wrong time.
package crash

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
