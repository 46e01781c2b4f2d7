package record

import (
	"context"
	"fmt"
	"time"
)

// Change is a task's wish to change a thing that others may want to change too, such as a binding's B.
type Change struct {
	Of    string // the thing
	Order int64  // of the task among those that change it: the newest wins
	Run   string
	Lease time.Duration
	Keep  time.Duration // how long the order is remembered
}

// ChangeVerdict tells whether a change may go.
type ChangeVerdict string

// The verdicts of Sequence.
const (
	ChangeGo         ChangeVerdict = "go"
	ChangeSuperseded ChangeVerdict = "superseded" // a newer change has gone
	ChangeBusy       ChangeVerdict = "busy"       // another one is out
)

// Sequence lets one change of a thing go at a time, and none after a newer one: an old retry never overwrites a newer number.
// With busy comes how long the other one holds at the most.
func (s Store) Sequence(ctx context.Context, c Change) (ChangeVerdict, time.Duration, error) {
	reply, err := sequenceScript.Run(ctx, s.redis, []string{changeKey(c.Of)}, c.Order, c.Run, c.Lease.Milliseconds(), c.Keep.Milliseconds()).Slice()
	if err != nil {
		return "", 0, fmt.Errorf("record: sequence: %w", err)
	}
	r := replyReader{reply: reply}
	verdict, rest := ChangeVerdict(r.text(0)), time.Duration(r.integer(1))*time.Millisecond
	if r.err != nil {
		return "", 0, fmt.Errorf("record: sequence: %w", r.err)
	}
	return verdict, rest, nil
}

// EndChange lets the next change go, when this run's is no longer out.
func (s Store) EndChange(ctx context.Context, c Change) error {
	if err := endChangeScript.Run(ctx, s.redis, []string{changeKey(c.Of)}, c.Run).Err(); err != nil {
		return fmt.Errorf("record: end change: %w", err)
	}
	return nil
}

func changeKey(of string) string { return "dypls:change:{" + of + "}" }
