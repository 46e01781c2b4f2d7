package callbacks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

const (
	// parallel is how many callbacks one process sends to an endpoint at once.
	parallel = 8
	// sendLease is when what a process was sending, and has not told the end of, is sent again.
	sendLease = 2 * answerWithin
	// taskTimeout is longer than a send and its note take.
	taskTimeout = time.Minute
	// checkEvery is how often an idle queue is looked at, and forwardEvery
	// how often what is due again.
	checkEvery, forwardEvery = 200 * time.Millisecond, time.Second
	settleWithin             = 5 * time.Second
	// cutAfter is how long sends may take to end by themselves when the process is to end.
	cutAfter = 5 * time.Second
)

// lane sends to one endpoint, with an asynq Server of its own.
type lane struct {
	*Sender

	name   string
	poster atomic.Pointer[poster]
	log    zerolog.Logger
	server *asynq.Server
	ctx    context.Context //nolint:containedctx // of all sends, which end with it
	cut    context.CancelFunc
	stop   context.CancelFunc // of the pump
	pumped chan struct{}

	saidHeld atomic.Int64 // when it was last said that a callback does not open, in Unix ns
}

// payload is all that asynq is given of a delivery.
type payload struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
}

func payloadOf(id string) []byte { return fmt.Appendf(nil, `{"v":1,"id":%q}`, id) }

// laterError has asynq give a delivery out again.
type laterError struct {
	after  time.Duration
	failed bool // an attempt did
	reason string
}

// Error implements error.
func (e laterError) Error() string { return e.reason }

// open starts a lane.
func (s *Sender) open(ctx context.Context, e Endpoint) (*lane, error) {
	l := &lane{
		Sender: s, name: e.Name, log: s.Logger.With().Str("endpoint", e.Name).Logger(),
		pumped: make(chan struct{}),
	}
	l.poster.Store(newPoster(e, s.Config))
	l.ctx, l.cut = context.WithCancel(context.WithoutCancel(ctx))
	l.server = asynq.NewServerFromRedisClient(s.store.redis, asynq.Config{
		Concurrency:              parallel,
		Queues:                   map[string]int{queueName(e.Name): 1},
		BaseContext:              func() context.Context { return l.ctx },
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		ShutdownTimeout:          cutAfter + settleWithin,
		TaskCheckInterval:        checkEvery,
		DelayedTaskCheckInterval: max(s.scaled(forwardEvery), checkEvery),
		JanitorInterval:          time.Minute,
		LogLevel:                 asynq.FatalLevel, // what fails is told of by the pump, once
	})
	if err := l.server.Start(asynq.HandlerFunc(l.perform)); err != nil {
		l.cut()
		return nil, fmt.Errorf("callbacks: %w", err)
	}
	pumping, stop := context.WithCancel(ctx)
	l.stop = stop
	go func() {
		defer close(l.pumped)
		l.pump(pumping)
	}()
	return l, nil
}

// close ends a lane, and gives sends a little time to end by themselves.
func (l *lane) close() {
	l.stop()
	<-l.pumped
	patience := time.AfterFunc(cutAfter, l.cut)
	l.server.Shutdown()
	patience.Stop()
	l.cut()
	l.poster.Load().close()
}

// change gives a lane its endpoint as it is now.
func (l *lane) change(e Endpoint) {
	l.poster.Swap(newPoster(e, l.Config)).close()
}

func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	if later, is := errors.AsType[laterError](err); is {
		return later.after
	}
	return time.Second // of its lease, or of Redis; the record knows when it is due
}

func isFailure(err error) bool {
	later, is := errors.AsType[laterError](err)
	return is && later.failed
}

// perform does one round of a delivery. What asynq is told holds neither a number nor a URL.
func (l *lane) perform(ctx context.Context, task *asynq.Task) error {
	var p payload
	taskID, _ := asynq.GetTaskID(ctx)
	id, round, found := strings.Cut(taskID, ".")
	if err := json.Unmarshal(task.Payload(), &p); err != nil || p.Version != 1 || !found ||
		p.ID != id {
		l.log.Error().Str("task_id", taskID).Msg("callback not readable; archived")
		return fmt.Errorf("the payload cannot be read: %w", asynq.SkipRetry)
	}
	now := l.now()
	a, err := l.store.admit(ctx, l.name, id, round, now, l.scaled(time.Second))
	if err != nil {
		return laterError{after: time.Second, reason: "Redis is away"}
	}
	switch a.verdict {
	case "send":
		return l.sendOnce(id, round, a) //nolint:contextcheck // asynq's ends with its lease, a send with the lane
	case "hold":
		return l.hold(ctx, id, round, a)
	case "early":
		return laterError{after: a.due.Sub(now), reason: "it is not due yet"}
	}
	return nil // it is over, or the pump has it
}

// sendOnce sends what was admitted, and notes what came of it.
func (l *lane) sendOnce(id, round string, a admission) error {
	sending, span := l.startSpan(l.ctx, id, a)
	defer span.End()
	attempt := l.poster.Load().send(sending, id, a.body)
	e, word := l.endOf(attempt, a)
	l.endSpan(span, attempt, e)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), settleWithin)
	defer cancel()
	now := l.now()
	fails, disabled, err := l.store.settle(ctx, l.name, id, round, now, e)
	l.tell(span, id, attempt, a, e, fails, disabled)
	if err != nil { // it is sent again when its lease is over
		return laterError{after: sendLease, reason: "Redis is away"}
	}
	return word
}

// hold puts a delivery off whose body does not open. It counts as no attempt.
func (l *lane) hold(ctx context.Context, id, round string, a admission) error {
	const pause = time.Minute
	last, now := l.saidHeld.Load(), time.Now().UnixNano()
	if now-last > int64(sayEvery) && l.saidHeld.CompareAndSwap(last, now) {
		l.log.Error().Str("webhook_id", id).Str("reason", a.closed.Error()).
			Msg("callback undecryptable; held")
	}
	l.Trace.attemptDone(AttemptEnd{Endpoint: l.name, Result: Undecryptable})
	_, _, err := l.store.settle(ctx, l.name, id, round, l.now(), end{result: "cut"})
	if err != nil {
		return laterError{after: sendLease, reason: "Redis is away"}
	}
	return laterError{after: l.scaled(pause), reason: "its body does not open"}
}

// endOf decides what is to come of a delivery, and what asynq is told.
func (l *lane) endOf(attempt Attempt, a admission) (end, error) {
	now := l.now()
	e := end{
		result: "failed", status: attempt.Status, err: attempt.Error, keep: keepUndelivered,
		first: l.scaled(firstProbe), last: l.scaled(lastProbe),
	}
	switch {
	case attempt.Delivered():
		e.result, e.keep = "delivered", keepDelivered
		if a.kind != TaskFinished {
			e.keep = keepDeliveredCall
		}
		return e, nil
	case attempt.cut:
		e.result = "cut"
		return e, laterError{reason: attempt.Error}
	case attempt.Status == http.StatusGone:
		e.result = "gone"
		return e, nil
	}
	pause, more := pauseAfter(a.attempts+1, l.chance())
	if !more || now.Sub(a.begun) > l.oldest {
		e.result = "dead"
		return e, fmt.Errorf("%s: %w", attempt.Error, asynq.SkipRetry)
	}
	if attempt.rest > 0 {
		e.rest = now.Add(attempt.rest)
	}
	pause = max(l.scaled(pause), attempt.rest)
	e.due = now.Add(pause)
	return e, laterError{after: pause, failed: true, reason: attempt.Error}
}

// tell writes the line of an attempt.
func (l *lane) tell(
	span tracing.Span, id string, attempt Attempt, a admission, e end, fails int, disabled bool,
) {
	if e.result == "cut" {
		return
	}
	result, level, text := Failed, zerolog.WarnLevel, "callback not delivered; trying again"
	switch e.result {
	case "delivered":
		result, level, text = Delivered, zerolog.InfoLevel, "callback delivered"
	case "dead":
		result, level, text = Dead, zerolog.ErrorLevel, "callback given up"
	}
	l.Trace.attemptDone(AttemptEnd{Endpoint: l.name, Result: result, Took: attempt.Took})
	line := l.log.WithLevel(level).Fields(span.LogFields()).
		Str("webhook_id", id).Int("attempt", a.attempts+1).Int("status", attempt.Status).
		Dur("duration_ms", attempt.Took)
	if attempt.Error != "" {
		line = line.Str("reason", attempt.Error)
	}
	line.Msg(text)
	switch {
	case disabled:
		l.log.Error().Msg("callback endpoint disabled: it answered 410")
	case e.result == "failed" && fails == failuresToRest:
		l.log.Error().Str("reason", attempt.Error).Msg("callback endpoint away; asking it one at a time")
	}
}
