package record

import (
	"context"
	"fmt"
	"time"
)

// ByReceipt is who settled a task where the receipt of a call did.
const ByReceipt = "receipt"

// Resolution is what a person, or later evidence, knows of a task that is held as uncertain.
type Resolution struct {
	ID        string
	Account   string // of the task, as its record has it
	State     State  // Succeeded, Failed, or Queued to let it run again
	Code      string
	Message   string
	Result    []byte // JSON, only when succeeded
	ExpiresAt time.Time
	SubsID    string // of a binding
	By        string // who says so
	Keep      time.Duration
}

// Resolve settles a task that is held, or lets it run again, and notes who said so, and when. It
// returns the state in which it found the task: only an uncertain one is changed. A task that is to
// run again needs the delivery returned.
func (s Store) Resolve(ctx context.Context, r Resolution) (found State, delivery int64, err error) {
	if err := s.awaitTold(ctx, r.ID, Uncertain); err != nil {
		return "", 0, fmt.Errorf("record: resolve: %w", err)
	}
	if err := s.writeEntries(ctx, entry(setEntry, r.ID)); err != nil {
		return "", 0, fmt.Errorf("record: resolve: %w", err)
	}
	result := s.seal(r.ID, r.Account, resultField, r.Result)
	reply, err := resolveScript.Run(ctx, s.redis, []string{Key(r.ID)},
		r.ID, s.channel(), r.Keep.Milliseconds(), string(r.State),
		r.Code, r.Message, result, optionalMillis(r.ExpiresAt), r.SubsID, s.who(r.By)).Slice()
	if err != nil {
		return "", 0, fmt.Errorf("record: resolve: %w", err)
	}
	reader := replyReader{reply: reply}
	found, delivery = State(reader.text(0)), reader.integer(1)
	settled := found == Uncertain && r.State != Queued
	var finished time.Time
	if settled {
		finished = fromMillis(reader.integer(2))
	}
	if reader.err != nil {
		return "", 0, fmt.Errorf("record: resolve: %w", reader.err)
	}
	if settled {
		s.tell(ctx, Open{ID: r.ID, State: r.State, Code: r.Code, Finished: finished})
	}
	return found, delivery, nil
}
