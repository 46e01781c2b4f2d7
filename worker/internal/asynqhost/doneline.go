package acknowledge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// sendWithin bounds one script.
const sendWithin = 3 * time.Second

// line is what waits to be acknowledged in a queue.
type line struct {
	mu      sync.Mutex
	waiting []*task
	sending bool
}

// acknowledge waits for the answer about a task, or the end of its context.
func (l *line) acknowledge(t *task, next redis.ProcessHook) error {
	l.mu.Lock()
	l.waiting = append(l.waiting, t)
	if !l.sending {
		l.sending = true
		go l.send(next)
	}
	l.mu.Unlock()
	select {
	case err := <-t.answered:
		return err
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// send acknowledges whatever waits, until nothing does.
func (l *line) send(next redis.ProcessHook) {
	for {
		batch := l.next()
		if batch == nil {
			return
		}
		for i, err := range acknowledge(batch, next) {
			batch[i].answered <- err
		}
	}
}

// next takes the tasks of the next script, all counted on the same day, without those that nobody waits for any longer.
func (l *line) next() []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*task
	taken := 0
	for _, t := range l.waiting {
		if len(batch) == most || len(batch) > 0 && t.day != batch[0].day {
			break
		}
		taken++
		if t.ctx.Err() == nil {
			batch = append(batch, t)
		}
	}
	l.waiting = l.waiting[taken:]
	if batch == nil {
		l.waiting, l.sending = nil, false
	}
	return batch
}

// acknowledge runs the script, and returns what it says about each task.
func acknowledge(batch []*task, next redis.ProcessHook) []error {
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	errs := make([]error, len(batch))
	found, err := run(ctx, batch, next)
	if err == nil && len(found) != len(batch) {
		err = fmt.Errorf("acknowledge: %d answers about %d tasks", len(found), len(batch))
	}
	for i := range errs {
		switch {
		case err != nil:
			errs[i] = err
		case found[i] == 0:
			errs[i] = notFoundError{}
		}
	}
	return errs
}

func run(ctx context.Context, batch []*task, next redis.ProcessHook) ([]int64, error) {
	first := batch[0]
	args := make([]any, 0, 2*len(batch)+len("evalsha"))
	args = append(args, "evalsha", script.Hash(), firstTask-1+len(batch), first.active, first.lease, first.day, first.all)
	for _, t := range batch {
		args = append(args, t.key)
	}
	args = append(args, first.forgetDay)
	for _, t := range batch {
		args = append(args, t.id)
	}
	cmd := redis.NewCmd(ctx, args...)
	err := next(ctx, cmd)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		whole := append([]any{"eval", source}, args[2:]...)
		cmd = redis.NewCmd(ctx, whole...)
		err = next(ctx, cmd)
	}
	if err != nil {
		return nil, err
	}
	found, err := cmd.Int64Slice()
	if err != nil {
		return nil, errors.Join(errors.New("acknowledge: not a list of numbers"), err)
	}
	return found, nil
}
