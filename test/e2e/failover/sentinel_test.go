package failover

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// takenForDead is as long as in the cluster: on a busy machine a master that lives may be silent
// for a second, and one that is replaced alive by a replica which lags behind is more than this
// test is about.
const takenForDead = 2 * time.Second

// TestFailoverSentinel: one master, two replicas, three Sentinels; masters are killed under load,
// and come back as replicas. With one replica waited for nothing that was acknowledged or told is
// lost, and nothing is bound twice.
func TestFailoverSentinel(t *testing.T) {
	form := formOfFailover(t)
	t.Parallel()
	site := redistest.StartSentinel(t)
	site.TakeForDeadAfter(t, takenForDead)
	l := newLoad(t, tasks.RedisConfig{URL: site.URL()}, form.rate, 1)
	l.start(t)
	for range form.kills {
		l.calm(t, form.calm)
		killed := site.KillMaster(t)
		l.killed()
		site.Rejoin(t, killed)
	}
	l.calm(t, form.calm)
	l.judge(t, l.end(t))
}
