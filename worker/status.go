package worker

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// Phase is how far a worker has come.
type Phase string

// The phases of a worker.
const (
	Starting   Phase = "starting" // it waits for Redis
	Performing Phase = "performing"
	Draining   Phase = "draining" // it takes no new tasks, and waits for calls that are out
)

// Status is how a worker stands, for health checks.
type Status struct {
	Phase Phase
	// Polled is when each queue was last asked for a task, and answered; the zero time for never. Where all slots of a queue
	// are taken it is not asked until one is free, which takes no longer than a call or a look.
	Polled map[string]time.Time
}

// Status tells how the worker stands. It asks nobody and may be called at any time.
func (w *Worker) Status() Status {
	return Status{Phase: *w.phase.Load(), Polled: w.pulse.times()}
}

// pulse is a hook that notes when asynq last asked each queue for a task: its loops say nothing of themselves.
type pulse struct {
	mu     sync.Mutex
	polled map[string]time.Time // by the key that is asked
}

func newPulse(queues []string) *pulse {
	p := &pulse{polled: map[string]time.Time{}}
	for _, queue := range queues {
		p.polled[asynqwire.Queue(queue).Key(asynqwire.Pending)] = time.Time{}
	}
	return p
}

// expect adds a queue, which is asked from now on.
func (p *pulse) expect(queue string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polled[asynqwire.Queue(queue).Key(asynqwire.Pending)] = time.Now()
}

// DialHook implements [redis.Hook].
func (*pulse) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (p *pulse) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil || errors.Is(err, redis.Nil) {
			p.note(cmd)
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (*pulse) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// note keeps the time of asynq's question for a task: a script over the list of those that are pending, and whether they are paused.
func (p *pulse) note(cmd redis.Cmder) {
	const firstKey, secondKey = 3, 4
	args := cmd.Args()
	if name := cmd.Name(); name != "evalsha" && name != "eval" || len(args) <= secondKey {
		return
	}
	key, _ := args[firstKey].(string)
	second, _ := args[secondKey].(string)
	if !strings.HasSuffix(second, ":paused") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ours := p.polled[key]; ours {
		p.polled[key] = time.Now()
	}
}

func (p *pulse) times() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	times := make(map[string]time.Time, len(p.polled))
	for key, at := range p.polled {
		queue, _ := asynqwire.QueueOf(key, asynqwire.Pending)
		times[queue] = at
	}
	return times
}
