package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestEndsInTimeThoughRedisIsAway: whatever of Redis is gone, and whatever is still to be written to it, a worker that is told to end
// has ended when the grace of our examples is over. Tasks are in stock, calls are out, and outcomes cannot be written.
func TestEndsInTimeThoughRedisIsAway(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a shutdown's timeout")
	}
	const shutdown, moment = 5 * time.Second, 8 * time.Second // as TestGraceExceedsShutdown has it
	for name, away := range map[string]func(*system){
		"frozen": func(s *system) { s.redis.Freeze(t) },
		"killed": func(s *system) { s.redis.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, dyplstest.Config{
				Pools:  twoPools(400),
				Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 1500 * time.Millisecond, Performed: true}},
			})
			s.enqueueBatch(t, "BindAxn", namedJobs(400))
			p, _ := s.observedWorker(t, "--concurrency=64", "--shutdown-timeout="+shutdown.String(), "--http-timeout=2s")
			redistest.Poll(t, startWithin, "the worker to be at work", s.isOut("job-20"))
			away(s)
			told := time.Now()
			status := p.terminate(t, syscall.SIGTERM)
			took := time.Since(told)
			if status != statusOK {
				t.Errorf("exit status %d", status)
			}
			if took > shutdown+moment {
				t.Errorf("it took %s, and its grace may be %s", took, shutdown+moment)
			}
			t.Logf("it took %s", took)
		})
	}
}
