package crash

import (
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestEndsInTimeThoughRedisIsAway: whatever of Redis is gone, and whatever is still to be written
// to it, a worker that is told to end has ended when the grace of our examples is over. Tasks are
// in stock, calls are out, and outcomes cannot be written.
func TestEndsInTimeThoughRedisIsAway(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a shutdown's timeout")
	}
	const shutdown, moment = 5 * time.Second, 8 * time.Second // as TestGraceExceedsShutdown has it
	for name, away := range map[string]func(*testing.T, *systemtest.System){
		"frozen": func(t *testing.T, s *systemtest.System) { t.Helper(); t.Cleanup(s.Redis.Freeze(t)) },
		"killed": func(_ *testing.T, s *systemtest.System) { s.Redis.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := systemtest.New(t, dyplstest.Config{
				Pools:  systemtest.TwoPools(400),
				Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 1500 * time.Millisecond, Performed: true}},
			})
			s.EnqueueBatch(t, "BindAxn", systemtest.NamedJobs(400))
			p, _ := s.ObservedWorker(t, "--concurrency=64", "--shutdown-timeout="+shutdown.String(), "--http-timeout=2s")
			redistest.Poll(t, systemtest.StartWithin, "the worker to be at work", s.IsOut("job-20"))
			away(t, s)
			told := time.Now()
			status := p.Terminate(t, syscall.SIGTERM)
			took := time.Since(told)
			if status != systemtest.StatusOK {
				t.Errorf("exit status %d", status)
			}
			if took > shutdown+moment {
				t.Errorf("it took %s, and its grace may be %s", took, shutdown+moment)
			}
			t.Logf("it took %s", took)
		})
	}
}
