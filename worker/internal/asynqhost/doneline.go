package asynqhost

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

// doneLine is what waits to be acknowledged in a queue.
type doneLine struct {
	mu      sync.Mutex
	waiting []*doneTask
	sending bool
}

// acknowledge waits for the answer about a task, or the end of its context.
func (l *doneLine) acknowledge(t *doneTask, client redis.UniversalClient) error {
	l.mu.Lock()
	l.waiting = append(l.waiting, t)
	if !l.sending {
		l.sending = true
		go l.send(client)
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
func (l *doneLine) send(client redis.UniversalClient) {
	for {
		batch := l.next()
		if batch == nil {
			return
		}
		for i, err := range acknowledge(batch, client) {
			batch[i].answered <- err
		}
	}
}

// next takes the tasks of the next script, all counted on the same day, without those that nobody
// waits for any longer.
func (l *doneLine) next() []*doneTask {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*doneTask
	taken := 0
	for _, t := range l.waiting {
		if len(batch) == doneMost || len(batch) > 0 && t.day != batch[0].day {
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
func acknowledge(batch []*doneTask, client redis.UniversalClient) []error {
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	errs := make([]error, len(batch))
	found, err := runDone(ctx, batch, client)
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

func runDone(
	ctx context.Context,
	batch []*doneTask,
	client redis.UniversalClient,
) ([]int64, error) {
	first := batch[0]
	keys := make([]string, 0, firstTask-1+len(batch))
	keys = append(keys, first.active, first.lease, first.day, first.all)
	args := make([]any, 0, firstID-1+len(batch))
	args = append(args, first.forgetDay)
	for _, t := range batch {
		keys, args = append(keys, t.key), append(args, t.id)
	}
	cmd := doneScript.Run(ctx, client, keys, args...)
	if err := cmd.Err(); err != nil {
		return nil, err
	}
	found, err := cmd.Int64Slice()
	if err != nil {
		return nil, errors.Join(errors.New("acknowledge: not a list of numbers"), err)
	}
	return found, nil
}
