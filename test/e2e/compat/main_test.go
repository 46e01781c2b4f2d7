// Package compat holds tests of the whole system beside what it has to get along with: other
// versions, strange payloads, keys that are used again, asynq's own dashboard, an application of
// somebody else's.
package compat

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
