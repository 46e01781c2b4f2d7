// Package serve holds tests of the whole way of programs in other languages: tasks posted over
// HTTP, outcomes fetched and callbacks received, while what is in between is killed.
package serve

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
