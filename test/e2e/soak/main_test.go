// Package soak holds a test of the whole system under load, restarts and faults for as long as
// it is told, which nothing may grow with.
package soak

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
