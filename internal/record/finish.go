package record

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Ending is what came of a call.
type Ending struct {
	ID        string
	Account   string // of the task, as its record has it
	Fence     int64
	State     State // Succeeded, Failed, Uncertain, or Waiting for the next attempt
	Code      string
	Message   string
	Class     string
	RequestID string
	Result    []byte    // JSON, only when succeeded
	ExpiresAt time.Time // after which the result is of no use; the zero time for never
	SubsID    string    // of a binding that was made
	// JSON: what undoes the binding, where the record holds another already; nil for no binding
	Surplus func() []byte
	Counts  bool // whether the call uses up an attempt
	Sent    bool // whether a request may have left
	// MayHaveRun: the API said no, or nothing, and the call may have taken effect all the same.
	MayHaveRun bool
	Doubt      Doubt // with Waiting: what the next run is to do first
	Suspect    bool  // with Waiting: it is called again although this call cannot be looked up
	Keep       time.Duration
}

// Doubt is what a run leaves to the next one about whether a call took effect.
type Doubt string

// The doubts.
const (
	NoDoubt   Doubt = ""
	DoubtCall Doubt = "call" // this run's call had no answer: look before calling again
	// DoubtRefusal: this run's call was refused because of what an earlier one may have done; look at
	// once.
	DoubtRefusal Doubt = "refusal"
	DoubtAbsent  Doubt = "absent" // a look found nothing
	DoubtKept    Doubt = "kept"   // a look failed
	DoubtCleared Doubt = "clear"  // nothing is in doubt any more
)

// FinishVerdict tells what Finish did.
type FinishVerdict string

// The verdicts of Finish.
const (
	Done    FinishVerdict = "done"
	Again   FinishVerdict = "again"   // it was known
	Stale   FinishVerdict = "stale"   // another run took over; nothing was changed
	Surplus FinishVerdict = "surplus" // a second binding, noted beside the first
	Gone    FinishVerdict = "unknown" // there is no such record
)

// Finish records what came of the call that Begin noted. A success counts whichever run brings it,
// as long as the record does not hold another. With a *[ShortageError] it has done so.
func (s Store) Finish(ctx context.Context, e Ending) (FinishVerdict, error) {
	if !e.State.Told() { // an outcome is waited for; what is tried again anyway is not
		s.replicas = 0
	}
	verdict, finished, shortage, err := s.finish(ctx, e, nil)
	if err == nil && verdict == unlisted {
		verdict, finished, shortage, err = s.finish(ctx, e, entry(addEntry, e.ID))
	}
	if err != nil {
		return "", fmt.Errorf("record: finish: %w", err)
	}
	if e.State.Told() && !finished.IsZero() {
		s.tell(ctx, Open{ID: e.ID, State: e.State, Code: e.Code, Finished: finished})
	}
	if shortage != nil {
		return verdict, fmt.Errorf("record: finish: %w", shortage)
	}
	return verdict, nil
}

// unlisted: the record had an outcome, and is off the index, from which the reaper is to see what
// this one brings.
const unlisted FinishVerdict = "unlisted"

func (s Store) finish(
	ctx context.Context,
	e Ending,
	listed *entries,
) (verdict FinishVerdict, finished time.Time, shortage *ShortageError, err error) {
	var surplus any = ""
	if listed != nil && e.Surplus != nil {
		surplus = s.seal(e.ID, e.Account, surplusField+e.SubsID, e.Surplus())
	}
	cmds, shortage, err := s.runSafe(
		ctx,
		listed,
		finishScript,
		[]scriptCall{{keys: []string{Key(e.ID)}, args: []any{
			e.ID,
			s.channel(),
			e.Fence,
			string(e.State),
			e.Keep.Milliseconds(),
			e.Code,
			e.Message,
			e.Class,
			e.RequestID,
			s.seal(e.ID, e.Account, resultField, e.Result),
			optionalMillis(e.ExpiresAt),
			e.SubsID,
			bit(e.Counts),
			bit(e.Sent),
			bit(e.MayHaveRun),
			string(e.Doubt),
			bit(e.Suspect),
			surplus,
			bit(listed != nil),
		}}},
	)
	if err != nil {
		return "", finished, nil, err
	}
	text, err := cmds[0].Text()
	word, at, _ := strings.Cut(text, " ")
	return FinishVerdict(word), parseMillis(at), shortage, err
}

// Rejection is a delivery that cannot be read.
type Rejection struct {
	ID, Action, Code, Message string
	Keep                      time.Duration
}

// Reject records a delivery that cannot be read as the task's failure, unless the record knows
// better.
func (s Store) Reject(ctx context.Context, r Rejection) error {
	cmds, err := s.runAll(
		ctx,
		firstEntry(r.ID),
		rejectScript,
		[]scriptCall{{keys: []string{Key(r.ID)}, args: []any{
			r.ID, s.channel(), r.Keep.Milliseconds(), r.Action, r.Code, r.Message,
		}}},
	)
	if err != nil {
		return fmt.Errorf("record: reject: %w", err)
	}
	if finished, _ := cmds[0].Int64(); finished > 0 {
		s.tell(ctx, Open{ID: r.ID, State: Failed, Code: r.Code, Finished: fromMillis(finished)})
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
