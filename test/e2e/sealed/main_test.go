// Package sealed holds the test of encryption at rest over the whole system: nothing that Redis
// keeps, and nothing that programs write beside it, shows a number.
package sealed

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
