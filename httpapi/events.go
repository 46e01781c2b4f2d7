package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// The events.
const (
	eventFinished = "task.finished"
	eventEnded    = "call.ended"
	eventKept     = "recording.kept"
)

const (
	// aliveEvery is how often something is sent, so that what is between does not take a stream for
	// dead.
	aliveEvery = 15 * time.Second
	// tokenEvery is how often it is looked whether the token still holds.
	tokenEvery = time.Second
	// eventWithin is how long a client may take to read what is sent; a slower one is dropped, and
	// goes on where it was.
	eventWithin = 10 * time.Second
	// fromTheFirst asks for the oldest event that is kept.
	fromTheFirst = "first"
	headerLast   = "Last-Event-ID"
)

// stream is one client that follows events.
type stream struct {
	*exchange

	at   position
	told map[string]bool // calls that were told to have ended, or to have a recording
}

// events streams what happens, as server-sent events.
func (a *API) events(e *exchange) error {
	s := stream{exchange: e, told: map[string]bool{}}
	if err := s.begin(); err != nil {
		return err
	}
	resume, err := e.wait(0)
	if err != nil {
		return err
	}
	defer func() { _ = resume() }()
	defer a.outcomesFeed.follow()()
	defer a.changesFeed.follow()()
	header := e.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // what nginx would do
	e.WriteHeader(http.StatusOK)
	if e.r.Method == http.MethodHead {
		return nil
	}
	if err := s.send(fmt.Appendf(nil, "retry: 2000\nid: %s\n\n", s.at)); err != nil {
		return nil // the client is gone, or slow
	}
	s.run()
	return nil
}

// begin finds out where the stream begins.
func (s *stream) begin() error {
	q := s.query("after")
	after, field := s.r.Header.Get(headerLast), headerLast
	if after == "" {
		after, field = q.values.Get("after"), "after"
	}
	known := true
	if after != "" && after != fromTheFirst {
		s.at, known = parsePosition(after)
	}
	if !known {
		q.refuse(field, "must be the id of an event", "give the last one that was received, or leave it out to begin now")
	}
	if err := q.err(); err != nil || after != "" {
		return err
	}
	if err := s.work(); err != nil {
		return err
	}
	ctx, cancel := s.ask()
	defer cancel()
	latest, err := s.api.outcomesFeed.latest(ctx)
	if err != nil {
		return err
	}
	s.at.outcomes = parseEntry(latest)
	if latest, err = s.api.changesFeed.latest(ctx); err != nil {
		return err
	}
	s.at.changes = parseEntry(latest)
	return nil
}

// run sends what there is, until the client is gone or the server drains.
func (s *stream) run() {
	alive, token := time.NewTicker(aliveEvery), time.NewTicker(tokenEvery)
	defer alive.Stop()
	defer token.Stop()
	for {
		outcomes, changes := s.api.outcomesFeed.more(), s.api.changesFeed.more()
		more, err := s.forward()
		switch {
		case err != nil: // the client is gone, or slow
			return
		case more:
			outcomes, changes = closed, closed
		}
		select {
		case <-s.r.Context().Done():
			return
		case <-s.api.serving.Done():
			return
		case <-token.C:
			if s.stillHolds() != nil {
				return
			}
		case <-alive.C:
			if s.send([]byte(": alive\n\n")) != nil {
				return
			}
		case <-outcomes:
		case <-changes:
		}
	}
}

// closed is a channel that is.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// forward sends what was told since, and reports whether there may be more. That Redis is away is
// waited out: the next tick asks again.
func (s *stream) forward() (more bool, err error) {
	ctx, cancel := s.ask()
	defer cancel()
	told, at, readErr := s.api.outcomesFeed.after(ctx, s.at.outcomes)
	if readErr == nil {
		for _, one := range told {
			s.at.outcomes = parseEntry(one.Entry)
			if err := s.event(eventFinished, s.shown(one.Outcome)); err != nil {
				return false, err
			}
		}
		s.at.outcomes = at
	}
	changed, at, changeErr := s.api.changesFeed.after(ctx, s.at.changes)
	if changeErr == nil {
		for _, one := range changed {
			s.at.changes = parseEntry(one.Entry)
			if err := s.call(one.Call); err != nil {
				return false, err
			}
		}
		s.at.changes = at
	}
	return len(told)+len(changed) > 0 && readErr == nil && changeErr == nil, nil
}

// call tells that a call has ended, and that its recording is kept: each once in a stream, though
// more receipts change it.
func (s *stream) call(c calls.Call) error {
	const most = 4096 // calls that are remembered
	for event, is := range map[string]bool{
		eventEnded: c.Ended, eventKept: c.Recording.State == calls.RecordingKept,
	} {
		key := event + " " + c.ID
		if !is || s.told[key] {
			continue
		}
		if len(s.told) >= most {
			clear(s.told)
		}
		s.told[key] = true
		if err := s.event(event, c); err != nil {
			return err
		}
	}
	return nil
}

// event sends one.
func (s *stream) event(name string, data any) error {
	text, err := encode(data)
	if err != nil {
		s.api.log.Error().Str("error", dypls.Scrub(err.Error())).Msg("answer not encoded")
		return nil
	}
	return s.send(
		fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", s.at, name, bytes.TrimSpace(text)),
	)
}

// send writes within the time that a client has.
func (s *stream) send(text []byte) error {
	control := http.NewResponseController(s.exchange)
	_ = control.SetWriteDeadline(time.Now().Add(eventWithin))
	if _, err := s.Write(text); err != nil {
		return err
	}
	return control.Flush()
}

// outcomesSource and changesSource are the streams that events are made of. Without a store of
// calls there are none of calls.
func outcomesSource(q *tasks.Queue) source[tasks.Told] {
	return source[tasks.Told]{q.ReadOutcomes, q.LatestEntry, func(t tasks.Told) string {
		return t.Entry
	}}
}

func changesSource(s *calls.Store) source[calls.Changed] {
	if s == nil {
		return source[calls.Changed]{noChanges, noEntry, func(calls.Changed) string { return "" }}
	}
	return source[calls.Changed]{s.ReadChanges, s.LatestEntry, func(c calls.Changed) string {
		return c.Entry
	}}
}

func noChanges(ctx context.Context, _ string, _ int, wait time.Duration) ([]calls.Changed, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(wait):
		return nil, nil
	}
}

func noEntry(context.Context) (string, error) { return "", nil }
