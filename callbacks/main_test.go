package callbacks

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) {
	logging.Disable() // a Redis that is away is told of many times a second
	os.Exit(redistest.Run(m))
}
