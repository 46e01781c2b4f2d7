package archive

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Config is what a [Keeper] needs. Zero values mean the defaults.
type Config struct {
	Calls *calls.Store // whose recordings are kept
	Queue *tasks.Queue // through which workers ask for links
	Store Store        // where they are kept
	// Parallel is how many recordings are fetched at once: 4 by default.
	Parallel int
	// Bandwidth is how many bytes a second come at most, of all together: 0 for no bound.
	Bandwidth int
	// Spool is the directory of temporary files, one for each recording that is being fetched: the
	// system's by default.
	Spool string
	// Retry is the pause after a recording has failed for the first time: a minute by default. It is
	// 5, 15 and then 60 times as long after it has failed again.
	Retry time.Duration
	// LateAfter is how long after its call a recording that is not kept is late: 24 hours by default.
	// What the API says it does not have is tried until then.
	LateAfter time.Duration
	// Retention is how long after its call the API has a recording: 30 days by default.
	Retention time.Duration
	// Lease is how long after its death a process' recordings are taken over: 20 seconds by default.
	Lease  time.Duration
	Logger zerolog.Logger
	Trace  Trace
	// TracerProvider is OpenTelemetry's: where a span of each try to keep a recording goes, linked to
	// the one in which the call's binding was enqueued. nil, the default, traces nothing.
	TracerProvider trace.TracerProvider
}

// Trace is a set of functions that a keeper calls as things happen. A nil function is skipped. Many
// goroutines call them at once: they must not block.
type Trace struct {
	// Done: something came of a recording.
	Done func(End)
}

// Result is what came of a recording.
type Result string

// The results.
const (
	Kept   Result = "kept"   // it is in the store now
	Found  Result = "found"  // it was in the store already
	Failed Result = "failed" // it is tried again later
	Lost   Result = "lost"   // it cannot be had any more
	Absent Result = "absent" // there is none, and nothing had promised one
)

// Results returns all of them.
func Results() []Result { return []Result{Kept, Found, Failed, Lost, Absent} }

// End is what came of a recording.
type End struct {
	Result Result
	Bytes  int64         // of one that is kept
	Lag    time.Duration // since the end of its call, of one that is kept
}

func (t *Trace) done(e End) {
	if t.Done != nil {
		t.Done(e)
	}
}

// withDefaults returns the configuration, or everything that is wrong with it.
func (c Config) withDefaults() (Config, error) {
	const (
		parallel  = 4
		lateAfter = 24 * time.Hour
		retention = 30 * lateAfter
		lease     = 20 * time.Second
	)
	c.Parallel = cmp.Or(c.Parallel, parallel)
	c.Spool = cmp.Or(c.Spool, os.TempDir())
	c.Retry = cmp.Or(c.Retry, time.Minute)
	c.LateAfter = cmp.Or(c.LateAfter, lateAfter)
	c.Retention = cmp.Or(c.Retention, retention)
	c.Lease = cmp.Or(c.Lease, lease)
	var problems []error
	if c.Calls == nil || c.Queue == nil || c.Store == nil {
		problems = append(problems, errors.New("archive: Calls, Queue and Store must be given"))
	}
	if info, err := os.Stat(c.Spool); err != nil || !info.IsDir() {
		problems = append(problems, errors.New("archive: Spool must be a directory: make it"))
	}
	if bad := slices.Concat(
		setting.ArchiveParallel.Check("Parallel", c.Parallel),
		setting.ArchiveBandwidth.Check("Bandwidth", c.Bandwidth),
		setting.ArchiveRetry.Check("Retry", c.Retry),
		setting.ArchiveLate.Check("LateAfter", c.LateAfter),
		setting.RecordingRetention.Check("Retention", c.Retention),
		setting.ArchiveLease.Check("Lease", c.Lease),
	); bad != nil {
		problems = append(problems, &dypls.ValidationError{Problems: bad})
	}
	return c, errors.Join(problems...)
}
