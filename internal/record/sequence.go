package record

import (
	"context"
	"fmt"
	"time"
)

// orderMargin is how much longer an order is remembered than any of its changes may be tried. A
// clock that is put back by less makes no change possible whose order is forgotten.
const orderMargin = 24 * time.Hour

// Drawing asks for the orders of changes to one thing, such as a binding's B.
type Drawing struct {
	Of    string // the thing
	Count int
	Until time.Time // when the last of them is no longer tried
}

// Draw puts changes in order: later ones of the same thing get higher numbers, whatever any clock
// says. It returns the last number of each drawing; those before it are the numbers before. To draw
// again, because a reply was lost, leaves a gap.
func (s Store) Draw(ctx context.Context, drawings []Drawing) ([]int64, error) {
	calls := make([]scriptCall, len(drawings))
	for i, d := range drawings {
		calls[i] = scriptCall{keys: []string{changeKey(d.Of)}, args: []any{d.Count, keepUntil(d.Until)}}
	}
	cmds, shortage, err := s.runSafe(ctx, nil, drawScript, calls)
	if err != nil {
		return nil, fmt.Errorf("record: draw: %w", err)
	}
	if shortage != nil {
		return nil, fmt.Errorf("record: draw: %w", shortage)
	}
	last := make([]int64, len(cmds))
	for i, cmd := range cmds {
		if last[i], err = cmd.Int64(); err != nil {
			return nil, fmt.Errorf("record: draw: %w", err)
		}
	}
	return last, nil
}

// Change is a task's wish to change a thing that others may want to change too.
type Change struct {
	Of    string // the thing, "" for a task that changes nothing in order
	Order int64  // of the task among those that change it: the newest wins
	Run   string
	Lease time.Duration
	Until time.Time // when the task is no longer tried
}

// ChangeOf reads what a task changes, and its order among those that do.
func (s Store) ChangeOf(ctx context.Context, id string) (Change, error) {
	values, err := s.redis.HMGet(ctx, Key(id), "change", "order").Result()
	if err != nil {
		return Change{}, fmt.Errorf("record: read: %w", err)
	}
	r := fieldReader{values}
	return Change{Of: r.text(0), Order: r.integer(1)}, nil
}

// ChangeVerdict tells whether a change may go.
type ChangeVerdict string

// The verdicts of Sequence.
const (
	ChangeGo         ChangeVerdict = "go"
	ChangeSuperseded ChangeVerdict = "superseded" // a newer change has gone
	ChangeBusy       ChangeVerdict = "busy"       // another one is out
)

// Sequence lets one change of a thing go at a time, and none after a newer one: an old retry never
// overwrites a newer number. With busy comes how long the other one holds at the most. With a
// *[ShortageError] a failover could forget that it went.
func (s Store) Sequence(ctx context.Context, c Change) (ChangeVerdict, time.Duration, error) {
	cmds, shortage, err := s.runSafe(
		ctx,
		nil,
		sequenceScript,
		[]scriptCall{{keys: []string{changeKey(c.Of)}, args: []any{
			c.Order, c.Run, c.Lease.Milliseconds(), keepUntil(c.Until),
		}}},
	)
	if err != nil {
		return "", 0, fmt.Errorf("record: sequence: %w", err)
	}
	reply, err := cmds[0].Slice()
	if err != nil {
		return "", 0, fmt.Errorf("record: sequence: %w", err)
	}
	r := replyReader{reply: reply}
	verdict, rest := ChangeVerdict(r.text(0)), time.Duration(r.integer(1))*time.Millisecond
	if r.err != nil {
		return "", 0, fmt.Errorf("record: sequence: %w", r.err)
	}
	if shortage != nil && verdict == ChangeGo {
		return verdict, rest, fmt.Errorf("record: sequence: %w", shortage)
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

// keepUntil is for how long an order that is needed until then is remembered, in milliseconds.
func keepUntil(needed time.Time) int64 {
	return max(time.Until(needed), 0).Milliseconds() + orderMargin.Milliseconds()
}

func changeKey(of string) string { return "dypls:change:{" + of + "}" }
