package record

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// New is a task that is to be recorded.
type New struct {
	ID          string
	Action      string
	Request     []byte // JSON
	Fingerprint Fingerprint
	ProcessAt   time.Time // when it was meant to run
	Deadline    time.Time // after which no call starts; the zero time for never
	// Undoing is what a request that undoes this one needs of it, JSON, "" for nothing. It outlives the request.
	Undoing string
	// Undoes is the id of the task that this one is to undo, "" where its request says it all.
	Undoes string
}

// CreateVerdict tells what was there.
type CreateVerdict string

// The verdicts of Create and Look.
const (
	IsNew    CreateVerdict = "new"
	Same     CreateVerdict = "same"     // the same request is recorded under this id
	Conflict CreateVerdict = "conflict" // another request is
	Absent   CreateVerdict = "absent"   // nothing is; only from Look
)

// Created is the record as it stands after Create or Look.
type Created struct {
	Verdict     CreateVerdict
	Fingerprint Fingerprint
	State       State
	Delivery    int64
	ProcessAt   time.Time
}

// Create records tasks, in one round trip, and in the index before. One that is recorded already is left as it is.
func (s Store) Create(ctx context.Context, tasks []New) ([]Created, error) {
	opening := &entries{how: addEntry, needed: true}
	for _, t := range tasks {
		opening.add(t.ID, max(time.Until(t.ProcessAt), 0)+firstLook)
	}
	return s.createOrLook(ctx, "create", opening, tasks)
}

// Look tells what Create would find, and records nothing.
func (s Store) Look(ctx context.Context, tasks []New) ([]Created, error) {
	return s.createOrLook(ctx, "look", nil, tasks)
}

// Redeliver tells which delivery is to be made in the place of one that is over although the task needs it,
// and counts it, once. It is 0 where the task needs none: it is being performed, by a run whose claim holds, or settled, or gone.
func (s Store) Redeliver(ctx context.Context, id string, over int64) (int64, error) {
	delivery, err := redeliverScript.Run(ctx, s.redis, []string{Key(id)}, over).Int64()
	if err != nil {
		return 0, fmt.Errorf("record: redeliver: %w", err)
	}
	return delivery, nil
}

func (s Store) createOrLook(ctx context.Context, mode string, opening *entries, tasks []New) ([]Created, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	calls := make([]scriptCall, len(tasks))
	for i, t := range tasks {
		calls[i] = scriptCall{t.ID, []any{mode, string(t.Fingerprint), t.Action, t.Request, millis(t.ProcessAt), millis(t.Deadline), t.Undoing, t.Undoes}}
	}
	cmds, err := s.runAll(ctx, opening, createScript, calls)
	if err != nil {
		return nil, fmt.Errorf("record: %s: %w", mode, err)
	}
	created := make([]Created, len(tasks))
	for i, cmd := range cmds {
		if created[i], err = readCreated(cmd); err != nil {
			return nil, fmt.Errorf("record: %s: %w", mode, err)
		}
	}
	return created, nil
}

func readCreated(cmd *redis.Cmd) (Created, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return Created{}, err
	}
	r := replyReader{reply: reply}
	c := Created{
		Verdict: CreateVerdict(r.text(0)), Fingerprint: Fingerprint(r.text(1)), State: State(r.text(2)),
		Delivery: r.integer(3), ProcessAt: fromMillis(r.integer(4)),
	}
	return c, r.err
}
