package console

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }
