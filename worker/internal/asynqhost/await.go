package asynqhost

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

const (
	// An idle queue is asked so often although nothing is announced: for tasks of producers that
	// announce nothing, or while announcements are not heard, or where Redis is too old for them.
	askSeldom, askOften, askDeaf = 5 * time.Second, time.Second, 50 * time.Millisecond
	// delayedSeldom is how often a set of tasks that wait is looked at although nothing in it is known
	// to be due.
	delayedSeldom = 10 * time.Second
	// answerWithin is how long a Server waits for an answer: its lease of a task counts from its
	// question.
	answerWithin = 2 * time.Second
	// Whoever hears of tasks and finds that others were quicker, twice in a row, asks a little later
	// each time, so that a task does not make every idle worker ask.
	firstModesty, mostModesty = time.Millisecond, 16 * time.Millisecond
)

// attention is what is known of a queue without asking. The queue's mu guards it.
type attention struct {
	hears   hears
	more    bool      // there may be a task: one was announced, or the last answer was one
	asked   time.Time // when Redis was asked last
	inVain  int       // how often in a row there was none although there might have been
	bell    chan struct{}
	delayed map[string]*delayed // by the key of the set
}

// delayed is what is known of a set of tasks that wait for their time.
type delayed struct {
	asked time.Time
	next  int64 // when the first is due, in Unix s; 0 for none that is known of
}

func newAttention() attention {
	return attention{more: true, bell: make(chan struct{}, 1), delayed: map[string]*delayed{}}
}

func (a *attention) ring() {
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

// tell notes that a task was put into the queue, or is to wait until a time.
func (q *queue) tell(until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !until.IsZero() {
		q.waits(asynqwire.Queue(q.name).Key(asynqwire.Scheduled), until.Unix())
		return
	}
	q.more = true
	q.ring()
}

// hear notes how well announcements are heard from now on.
func (q *queue) hear(how hears) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hears, q.more = how, true
	for _, set := range q.delayed {
		set.asked = time.Time{}
	}
	q.ring()
}

// await waits until Redis is to be asked for a task, and reports whether that is so within the time
// that a Server has which asked at began.
func (q *queue) await(ctx context.Context, began time.Time) bool {
	for {
		left := answerWithin - time.Since(began)
		if left <= 0 {
			return false
		}
		wait := q.untilAsked()
		if wait <= 0 {
			return true
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-q.bell:
		case <-timer.C:
		case <-q.ended:
			timer.Stop()
			return false
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

func (q *queue) untilAsked() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.more {
		return time.Until(q.asked.Add(q.askEvery()))
	}
	if q.inVain < 2 { //nolint:mnd // once is usual: after the last task, or when two were announced and fetched together
		return 0
	}
	return time.Until(q.asked.Add(min(firstModesty<<min(q.inVain-2, 8), mostModesty)))
}

func (a *attention) askEvery() time.Duration {
	switch a.hears {
	case hearsAll:
		return askSeldom
	case isDeaf:
		return askDeaf
	default:
		return askOften
	}
}

// asking notes that Redis is asked now. What is told from now on is news.
func (q *queue) asking(at time.Time) (hopeful bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	hopeful = q.more
	q.more, q.asked = false, at
	return hopeful
}

// answers notes what the answer says of the next one: whether there may be more. mu is held.
func (a *attention) answers(hopeful, found, more bool) {
	a.more = a.more || more
	switch {
	case found:
		a.inVain = 0
	case hopeful:
		a.inVain++
	}
}

// waits notes that a task in a set is due at a time. mu is held.
func (a *attention) waits(set string, due int64) {
	d := a.delayed[set]
	if d == nil {
		d = &delayed{}
		a.delayed[set] = d
	}
	if d.next == 0 || due < d.next {
		d.next = due
	}
}
