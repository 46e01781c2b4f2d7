// Package scale holds tests of the whole system with many tasks: what it takes then, and that
// each is done once.
package scale

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
