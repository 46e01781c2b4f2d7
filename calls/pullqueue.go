package calls

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls/internal/mns"
)

const (
	// firstRest and mostRest are how long a queue rests that cannot be opened.
	firstRest = 5 * time.Second
	mostRest  = 5 * time.Minute
	// firstPause and mostAway bound the pause before a queue, or Redis, that did not answer is asked
	// again.
	firstPause = 100 * time.Millisecond
	mostAway   = 10 * time.Second
	// storeWithin is within what time Redis must store a message that was taken, and deleteWithin
	// within what time one that is stored is deleted, whoever ends this process meanwhile.
	storeWithin  = 5 * time.Second
	deleteWithin = 5 * time.Second
	// mostBroken is how many times a message is taken whose body is not what its checksum says, before
	// it is stored as it is.
	mostBroken = 3
)

// pull is the pulling of one queue. One goroutine runs it.
type pull struct {
	*Puller
	Queue

	key queueKey

	mu     sync.Mutex
	status QueueStatus
}

var errNotStored = errors.New("a message is not stored")

// run pulls until ctx is done.
func (q *pull) run(ctx context.Context) {
	wait, pause := time.Duration(0), time.Duration(0)
	for unsure := true; ctx.Err() == nil; {
		began := time.Now()
		n, err := q.round(ctx, wait, unsure)
		if ctx.Err() != nil {
			return
		}
		unsure = err != nil
		state := q.note(statusOf(q.Queue, err))
		switch hurried := n == 0 && time.Since(began) < wait/4; { //nolint:mnd // far less than asked for
		case state == QueueRests:
			pause = min(max(2*pause, q.firstRest), q.mostRest)
			q.say(err, pause)
		case err != nil:
			pause = min(max(2*pause, firstPause), mostAway)
			q.say(err, pause)
		case hurried: // too many wait: the service then answers at once
			pause = min(max(2*pause, firstPause), mostAway)
		default:
			pause = 0
		}
		wait = mns.LongestWait
		if err != nil || n == mns.Most { // whether it is pulled again; whether there is more
			wait = 0
		}
		if pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// round takes what there is, stores it, and deletes what is stored. Where unsure it takes nothing
// before Redis takes what is written: what cannot be stored would be
// hidden from others for nothing.
func (q *pull) round(ctx context.Context, wait time.Duration, unsure bool) (n int, err error) {
	if unsure {
		if err := CheckWrite(ctx, q.store.redis); err != nil {
			return 0, fmt.Errorf("%w: %w", errNotStored, err)
		}
	}
	var messages []mns.Message
	err = q.open(ctx, func(t mns.Token) (err error) {
		messages, err = q.mns.Receive(ctx, t, q.Name, wait)
		return err
	})
	if err != nil {
		return 0, err
	}
	stored, err := q.storeAll(ctx, messages)
	if len(stored) == 0 {
		return len(messages), err
	}
	deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWithin)
	defer cancel()
	return len(messages), errors.Join(err, q.open(deleting, func(t mns.Token) error {
		return q.mns.Delete(deleting, t, q.Name, stored)
	}))
}

// storeAll stores messages in one round trip, and returns the handles of those that are stored.
func (q *pull) storeAll(ctx context.Context, messages []mns.Message) (handles []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	failures := make([]error, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() { failures[i] = q.keep(ctx, m) })
	}
	all.Wait()
	for i, m := range messages {
		if failures[i] == nil {
			handles = append(handles, m.Handle)
		} else {
			err = failures[i]
		}
	}
	return handles, err
}

// keep stores a message as it came.
func (q *pull) keep(ctx context.Context, m mns.Message) error {
	done := func(r MessageResult) {
		q.store.trace.messageDone(MessageEnd{q.Queue, r, max(time.Since(m.Enqueued), 0)})
	}
	if !m.Whole() && m.Taken < mostBroken {
		done(MessageBroken)
		return errors.New("a message is not what its checksum says, and is waited for once more")
	}
	err := q.store.put(ctx, pushed{q.Type, wayQueue, q.account, []byte(m.Body)})
	if err != nil {
		done(MessageNotStored)
		return fmt.Errorf("%w: %w", errNotStored, err)
	}
	done(MessageStored)
	return nil
}

// note keeps how the queue is, and tells when it is pulled again.
func (q *pull) note(now QueueStatus) QueueState {
	q.mu.Lock()
	before := q.status
	q.status = now
	q.mu.Unlock()
	if now.State == QueuePulled && before.State != QueuePulled {
		q.store.log.Info().Str("queue", q.Name).Str("type", string(q.Type)).Msg("pulling receipts")
	}
	return now.State
}

func (q *pull) say(err error, pause time.Duration) {
	s := statusOf(q.Queue, err)
	level, text := zerolog.WarnLevel, "pulling receipts failed; trying again"
	switch {
	case s.State == QueueRests:
		level, text = zerolog.ErrorLevel, "queue of receipts resting"
	case errors.Is(err, errNotStored):
		text = "messages not stored; they come again"
	}
	q.store.log.WithLevel(level).Str("queue", q.Name).Str("type", string(q.Type)).
		Str("error", s.Problem).Str("remedy", s.Remedy).Dur("pause", pause).Msg(text)
}

// queueKey is a token, and until when it is used.
type queueKey struct {
	token   mns.Token
	renewAt time.Time
}

const (
	// renewBefore is how long before its end a token is renewed, and no more than a part of its life.
	renewBefore = 2 * time.Minute
	lifeParts   = 4
	// usualLife is a token's whose answer does not tell: what the platform's own client assumes.
	usualLife = 10 * time.Minute
)

// open has something done with a token of the queue. One that is refused is renewed, once: it may
// have ended before its time.
func (q *pull) open(ctx context.Context, do func(mns.Token) error) error {
	for again := true; ; again = false {
		if !time.Now().Before(q.key.renewAt) {
			if err := q.renew(ctx); err != nil {
				return err
			}
		}
		err := do(q.key.token)
		refused, is := errors.AsType[*mns.Error](err)
		if !is || !refused.IsDenied() {
			return err
		}
		q.key = queueKey{}
		if !again {
			return err
		}
	}
}

// renew counts a token's life from before it was asked for, by the monotonic clock.
func (q *pull) renew(ctx context.Context) error {
	asked := time.Now()
	token, err := dypls.QueryTokenForMNSQueue.Call(ctx, q.tokens, dypls.QueryTokenForMNSQueueRequest{
		MessageType: q.Type,
		QueueName:   q.Name,
	})
	q.store.trace.tokenDone(TokenEnd{q.Queue, err})
	if err != nil {
		return fmt.Errorf("no token for the queue: %w", err)
	}
	life := token.Validity
	if life == 0 {
		life = usualLife
	}
	q.key = queueKey{token, asked.Add(life - min(renewBefore, life/lifeParts))}
	return nil
}
