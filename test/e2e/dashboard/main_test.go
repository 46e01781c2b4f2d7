// Package dashboard holds tests of the dashboard as people use it, in a browser and by its
// doors, and of what it must never show.
package dashboard

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
