package record

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// LongestClaim is how long a claim holds at the most. One that holds for longer was made before
// Redis' clock was put back.
const LongestClaim = time.Minute

// Run asks to make the next call of a task.
type Run struct {
	ID string
	// Run names this one execution: asked again under the same name, Begin gives the same answer,
	// save that what it settled is Finished then. Once the run has ended it is never told Go again.
	Run string
	// Action and Account are what the delivery says that the task is. Where the record says otherwise,
	// the run may not call. An Action of "" says nothing.
	Action, Account string

	Lease       time.Duration // after which another run may take over, at most LongestClaim
	Repeatable  bool          // a call that was cut may simply be made again
	Reads       bool          // its calls change nothing: one that was cut cannot have taken effect
	MaxAttempts int
	// calls in a row that may be cut before the task is given up; four times as many looks
	MaxCrashes int
	LookAfter  time.Duration // when a call whose answer was lost can no longer be under way
	Keep       time.Duration // of the record, where this settles it
}

// BeginVerdict tells whether the run may call.
type BeginVerdict string

// The verdicts of Begin.
const (
	Go       BeginVerdict = "go"
	Look     BeginVerdict = "look"     // an earlier call is in doubt: find out, do not call
	Busy     BeginVerdict = "busy"     // another run is calling; see Begun.Busy
	Finished BeginVerdict = "finished" // settled before, or this run has ended
	Settled  BeginVerdict = "settled"  // settled now: out of time, or left behind by a run that ended
	// Foreign: the record is of another action or account than the delivery says.
	Foreign BeginVerdict = "foreign"
	Unknown BeginVerdict = "unknown" // there is no such record
)

// Begun is the answer of Begin.
type Begun struct {
	Verdict   BeginVerdict
	State     State         // with Finished and Settled
	Code      string        // with Settled
	Class     string        // with Settled
	Busy      time.Duration // with Busy: how long the other run's claim still holds
	Fence     int64         // with Go and Look, as all below: the number of this run, for Finish
	Attempt   int           // this call's, counted from 1
	Call      int           // this HTTPS request's, counted from 1
	Uncounted int           // calls before that used up no attempt
	Deadline  time.Time     // after which no call starts; the zero time for never
	// MayHaveRun: an earlier call may have taken effect although the API said otherwise, or nothing.
	MayHaveRun bool
	Suspect    bool      // it was called again although an earlier call could not be looked up
	FirstCall  time.Time // when the first call was noted, by Redis' clock
	// the same by Redis' clock or the worker's, whichever was behind: what the call made is not older
	Since time.Time
	Looks int // with Look: how many found nothing
	// with Look: the code of the refusal that put the earlier call in doubt, "" for a lost answer
	Refusal string
	Request []byte
	Undoes  string // the id of the task that this one is to undo
	// Origin is the span in which the task was enqueued, with Settled, too.
	Origin tracing.Origin
	// Undecryptable, with Go and Look: why Request does not open and is empty, nil where it does. No
	// call may leave.
	Undecryptable error
	// Shortage, with Go: a failover could forget that a call is out. It must not leave, nil otherwise.
	Shortage *ShortageError
}

// Begin notes that a call is about to leave, and claims the task for this run.
func (s Store) Begin(ctx context.Context, run Run) (Begun, error) {
	repeatable, changes := 0, 1
	if run.Repeatable {
		repeatable = 1
	}
	if run.Reads {
		changes = 0
	}
	cmds, shortage, err := s.runSafe(
		ctx,
		nil,
		beginScript,
		[]scriptCall{{keys: []string{Key(run.ID)}, args: []any{
			run.ID,
			s.channel(),
			run.Run,
			run.Lease.Milliseconds(),
			repeatable,
			run.MaxAttempts,
			run.MaxCrashes,
			run.Keep.Milliseconds(),
			run.LookAfter.Milliseconds(),
			run.Action,
			time.Now().UnixMilli(),
			run.Account,
			changes,
		}}},
	)
	if err != nil {
		return Begun{}, fmt.Errorf("record: begin: %w", err)
	}
	reply, err := cmds[0].Slice()
	if err != nil {
		return Begun{}, fmt.Errorf("record: begin: %w", err)
	}
	r := replyReader{reply: reply}
	b := Begun{Verdict: BeginVerdict(r.text(0)), Shortage: shortage}
	var finished time.Time
	switch b.Verdict {
	case Go, Look:
		b.Fence, b.Attempt, b.Call = r.integer(1), int(r.integer(2)), int(r.integer(3))
		b.Uncounted, b.Deadline = int(r.integer(4)), fromMillis(r.integer(5))
		b.MayHaveRun, b.Suspect = r.integer(6) == 1, r.integer(7) == 1
		b.FirstCall = fromMillis(r.integer(8))
		b.Looks, b.Refusal = int(r.integer(9)), r.text(10)
		b.Request, b.Undecryptable = s.open(run.ID, run.Account, requestField, r.text(11))
		b.Undoes, b.Since = r.text(12), fromMillis(r.integer(13))
		b.Origin = tracing.Origin{Parent: r.text(14), State: r.text(15)}
	case Busy:
		b.Busy = time.Duration(r.integer(1)) * time.Millisecond
	case Unknown, Foreign:
	case Finished:
		b.State = State(r.text(1))
	case Settled:
		b.State, b.Code, b.Class = State(r.text(1)), r.text(2), r.text(3)
		finished = fromMillis(r.integer(4))
		b.Origin = tracing.Origin{Parent: r.text(5), State: r.text(6)}
	}
	if r.err != nil {
		return Begun{}, fmt.Errorf("record: begin: %w", r.err)
	}
	if b.Verdict == Settled {
		s.tell(ctx, Open{ID: run.ID, State: b.State, Code: b.Code, Finished: finished})
	}
	return b, nil
}

// Renew keeps the claim of a run that looks, which may take longer than a claim holds. It reports
// whether the run still has it.
func (s Store) Renew(
	ctx context.Context,
	id string,
	fence int64,
	lease time.Duration,
) (bool, error) {
	held, err := renewScript.Run(ctx, s.redis, []string{Key(id)}, fence, lease.Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("record: renew: %w", err)
	}
	return held, nil
}
