package record

import (
	"context"
	"fmt"
	"time"
)

// Run asks to make the next call of a task.
type Run struct {
	ID string
	// Run names this one execution: asked again under the same name, Begin gives the same answer,
	// save that what it settled is Finished then. Once the run has ended it is never told Go again.
	Run         string
	Lease       time.Duration // after which another run may take over
	Repeatable  bool          // a call that was cut may simply be made again
	MaxAttempts int
	MaxCrashes  int           // calls that may be cut before the task is given up
	Keep        time.Duration // of the record, where this settles it
}

// BeginVerdict tells whether the run may call.
type BeginVerdict string

// The verdicts of Begin.
const (
	Go       BeginVerdict = "go"
	Busy     BeginVerdict = "busy"     // another run is calling; see Begun.Busy
	Finished BeginVerdict = "finished" // settled before, or this run has ended
	Settled  BeginVerdict = "settled"  // settled now: out of time, or left behind by a run that ended
	Unknown  BeginVerdict = "unknown"  // there is no such record
)

// Begun is the answer of Begin.
type Begun struct {
	Verdict   BeginVerdict
	State     State         // with Finished and Settled
	Busy      time.Duration // with Busy: how long the other run's claim still holds
	Fence     int64         // with Go, as all below: the number of this run, for Finish
	Attempt   int           // this call's, counted from 1
	Call      int           // this HTTPS request's, counted from 1
	Uncounted int           // calls before that used up no attempt
	Deadline  time.Time     // after which no call starts; the zero time for never
	Request   []byte
}

// Begin notes that a call is about to leave, and claims the task for this run.
func (s Store) Begin(ctx context.Context, run Run) (Begun, error) {
	repeatable := 0
	if run.Repeatable {
		repeatable = 1
	}
	reply, err := beginScript.Run(ctx, s.redis, []string{Key(run.ID)}, run.ID, Channel, run.Run, run.Lease.Milliseconds(),
		repeatable, run.MaxAttempts, run.MaxCrashes, run.Keep.Milliseconds()).Slice()
	if err != nil {
		return Begun{}, fmt.Errorf("record: begin: %w", err)
	}
	r := replyReader{reply: reply}
	b := Begun{Verdict: BeginVerdict(r.text(0))}
	switch b.Verdict {
	case Go:
		b.Fence, b.Attempt, b.Call = r.integer(1), int(r.integer(2)), int(r.integer(3))
		b.Uncounted, b.Deadline, b.Request = int(r.integer(4)), fromMillis(r.integer(5)), []byte(r.text(6))
	case Busy:
		b.Busy = time.Duration(r.integer(1)) * time.Millisecond
	case Unknown:
	case Finished, Settled:
		b.State = State(r.text(1))
	}
	if r.err != nil {
		return Begun{}, fmt.Errorf("record: begin: %w", r.err)
	}
	return b, nil
}
