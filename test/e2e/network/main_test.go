// Package network holds tests of the whole system whose network or Redis is cut, stands still,
// refuses or is full, or where what answers is not the API.
package network

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) { os.Exit(systemtest.Main(m)) }
