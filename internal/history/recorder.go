package history

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// beat is how often a recorder writes what it has counted.
	beat = 10 * time.Second
	// writeTimeout bounds one write. The one at the end is waited for.
	writeTimeout = 2 * time.Second
)

// Recorder counts what one worker does. Its methods may be called by many goroutines; Count waits
// for nobody.
type Recorder struct {
	client redis.UniversalClient
	now    func() time.Time

	mu     sync.Mutex
	counts Values
}

// NewRecorder returns one that has counted nothing, with the clock of its process.
func NewRecorder(client redis.UniversalClient, now func() time.Time) *Recorder {
	return &Recorder{client: client, now: now, counts: Values{}}
}

// Count adds one to a number of [Tasks].
func (r *Recorder) Count(account, action string, number int) {
	name := Budget(account, action)
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, known := r.counts[name]
	if !known {
		if len(r.counts) >= mostNames {
			return
		}
		counts = make([]int64, tasksNumbers)
		r.counts[name] = counts
	}
	counts[number]++
}

// Run writes what was counted every 10 s, and what is left when ctx is done. It writes nothing
// where nothing was counted.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = r.Flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			_ = r.Flush(ctx)
		}
	}
}

// Flush writes what was counted. Where that fails, these counts are lost: Redis may have them, and
// they must not be there twice.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	counts := r.counts
	r.counts = Values{}
	r.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return Write(ctx, r.client, Tasks, r.now(), counts)
}
