package crash

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestOverTLS(t *testing.T) {
	t.Parallel()
	systemtest.OverTLS(t, "TestRollingRestart", "TestWorkerWaitsForRedis", "TestLostAnswerIsHeldAsUncertain")
}
