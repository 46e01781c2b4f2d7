package main

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestFailoverSentinel: one master, two replicas, three Sentinels; masters are killed under load, and come back as replicas. With one
// replica waited for nothing that was acknowledged or told is lost, and nothing is bound twice.
func TestFailoverSentinel(t *testing.T) {
	form := formOfFailover(t)
	t.Parallel()
	site := redistest.StartSentinel(t)
	l := newLoad(t, tasks.RedisConfig{URL: site.URL()}, form.rate)
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
