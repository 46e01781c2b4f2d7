package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// New is a task that is to be recorded.
type New struct {
	ID          string
	Action      string
	Account     string // "" for the worker's own
	Request     []byte // JSON
	Fingerprint Fingerprint
	// Other is the fingerprint as it is made without keys, where Fingerprint is made with them, and
	// the other way around: what is recorded may be older than the keys, or of somebody who seals
	// already. It is nil where there are no keys.
	Other     func() Fingerprint
	ProcessAt time.Time // when it was meant to run
	Deadline  time.Time // after which no call starts; the zero time for never
	// Undoing is what a request that undoes this one needs of it, JSON, "" for nothing. It outlives
	// the request.
	Undoing string
	// Undoes is the id of the task that this one is to undo, "" where its request says it all.
	Undoes string
	// Callback names the endpoint that is to be told of the task, "" for none.
	Callback string
	// Origin is the span in which the task was enqueued, the zero value for none.
	Origin tracing.Origin
	// Change is the thing that the task changes in its order among others, see [Store.Draw]; "" for
	// none. A task that is recorded already keeps the order that it has.
	Change string
	Order  int64
	// Unseen: nobody has looked whether the id of this single task is known. Where one script does
	// all, nobody needs to.
	Unseen bool
	// Handover hands the task over, nil for whoever does that later. A Redis that has slots is not
	// given it.
	Handover *Handover
}

// CreateVerdict tells what was there.
type CreateVerdict string

// The verdicts of Create and Look.
const (
	IsNew    CreateVerdict = "new"
	Same     CreateVerdict = "same"     // the same request is recorded under this id
	Conflict CreateVerdict = "conflict" // another request is
	// Unknowable: a request is that was recorded with keys, and this store has none.
	Unknowable CreateVerdict = "unknowable"
	Absent     CreateVerdict = "absent" // nothing is; only from Look
)

// Created is the record as it stands after Create or Look.
type Created struct {
	Verdict     CreateVerdict
	Fingerprint Fingerprint
	State       State
	Delivery    int64
	ProcessAt   time.Time
	HandedOver  bool // as a new task
	// Differs names the parameters that do, where it is a Conflict.
	Differs []string
}

// Create records tasks, in one round trip, and in the index before. One that is recorded already is
// left as it is. With a *[ShortageError] it has done so, and returns what was there.
func (s Store) Create(ctx context.Context, tasks []*New) ([]Created, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	created, shortage, err := s.create(ctx, tasks)
	if err != nil {
		return nil, fmt.Errorf("record: create: %w", err)
	}
	if shortage != nil {
		return created, fmt.Errorf("record: create: %w", shortage)
	}
	return created, nil
}

// create has one script do all for a task where it may, and tries that once on a Redis that has
// slots, as a proxy's, which looks like any other.
func (s Store) create(ctx context.Context, tasks []*New) ([]Created, *ShortageError, error) {
	if !s.slots.Load() && !slices.ContainsFunc(tasks, func(t *New) bool { return t.Handover == nil }) {
		calls, err := s.handovers(tasks)
		if err != nil {
			return nil, nil, err
		}
		cmds, shortage, err := s.runSafe(ctx, nil, nil, calls)
		if err == nil {
			created, err := readAllCreated(tasks, cmds)
			return created, shortage, errors.Join(err, s.noteOlder(ctx, tasks, created))
		}
		if !refusal.ManySlots(err) {
			return nil, nil, err
		}
		s.slots.Store(true)
	}
	return s.createApart(ctx, tasks)
}

// createApart notes tasks in the index before it records them, and hands nothing over. What is over
// is not noted again: its outcome would be told again.
func (s Store) createApart(ctx context.Context, tasks []*New) ([]Created, *ShortageError, error) {
	if len(tasks) == 1 && tasks[0].Unseen {
		if found, err := s.Look(ctx, tasks); err != nil || found[0].State.Told() {
			return found, nil, err
		}
	}
	opening := &entries{how: addEntry, needed: true, fresh: true}
	calls := make([]scriptCall, len(tasks))
	for i, t := range tasks {
		opening.add(t.ID, t.firstLook())
		calls[i] = scriptCall{keys: []string{Key(t.ID)}, args: s.appendOptional(s.argsOf(t), t)}
	}
	cmds, shortage, err := s.runSafe(ctx, opening, createScript, calls)
	if err != nil {
		return nil, nil, err
	}
	created, err := readAllCreated(tasks, cmds)
	return created, shortage, err
}

func readAllCreated(tasks []*New, cmds []*redis.Cmd) (created []Created, err error) {
	created = make([]Created, len(tasks))
	for i, cmd := range cmds {
		if created[i], err = tasks[i].readCreated(cmd); err != nil {
			return nil, err
		}
	}
	return created, nil
}

// noteOlder notes in the index what is open and the same as a record that is older than the keys:
// the script has taken it for another, and left that out.
func (s Store) noteOlder(ctx context.Context, tasks []*New, created []Created) error {
	var older *entries
	for i, c := range created {
		if c.Verdict != Same || c.Fingerprint == tasks[i].Fingerprint || c.State.Told() {
			continue
		}
		if older == nil {
			older = &entries{how: addEntry}
		}
		older.add(tasks[i].ID, tasks[i].firstLook())
	}
	if older == nil {
		return nil
	}
	return s.writeEntries(ctx, older)
}

func (s Store) handovers(tasks []*New) ([]scriptCall, error) {
	calls := make([]scriptCall, len(tasks))
	for i, t := range tasks {
		h := t.Handover
		if len(h.Args) != h.Script.args { // what follows them would be taken for something else
			return nil, fmt.Errorf(
				"a handover has %d arguments, and its script names %d", len(h.Args), h.Script.args,
			)
		}
		shard := shardOf(t.ID)
		args := append(s.argsOf(t), t.ID, t.firstLook().Milliseconds(), h.Channel, h.Message)
		calls[i] = scriptCall{
			keys:   append([]string{Key(t.ID), indexKey(shard), catalogKey(shard)}, h.Keys...),
			args:   s.appendOptional(append(args, h.Args...), t),
			script: h.Script.script,
		}
	}
	return calls, nil
}

// argsOf are what the script knows of every record, with room for the others.
func (s Store) argsOf(t *New) []any {
	const handover, more = 7, 8 // as many as most have
	return append(
		make([]any, 0, argsOfNew+handover+more),
		string(t.Fingerprint),
		t.Action,
		s.seal(t.ID, t.Account, requestField, t.Request),
		millis(t.ProcessAt),
		time.Now().UnixMilli(),
	)
}

// appendOptional names the fields that only some records have. A field that a record has not is
// empty, or 0.
func (s Store) appendOptional(args []any, t *New) []any {
	origin := t.Origin
	if s.keys.Seals() { // what others write into a tracestate is free text
		origin = origin.WithoutNumbers()
	}
	if !t.Deadline.IsZero() {
		args = append(args, "deadline", millis(t.Deadline))
	}
	for _, field := range [...]struct{ name, value string }{
		{"undoing", t.Undoing}, {"undoes", t.Undoes}, {"account", t.Account}, {"callback", t.Callback},
		{"traceparent", origin.Parent}, {"tracestate", origin.State},
	} {
		if field.value != "" {
			args = append(args, field.name, field.value)
		}
	}
	if t.Change != "" {
		args = append(args, "change", t.Change, "order", t.Order)
	}
	return args
}

// firstLook is when the reaper looks at the task if nobody has begun it.
func (t *New) firstLook() time.Duration { return max(time.Until(t.ProcessAt), 0) + firstLook }

// Look tells what Create would find by now, and records nothing. Whether a result has expired is
// told by this process' clock.
func (s Store) Look(ctx context.Context, tasks []*New) ([]Created, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	none, err := s.noneThere(ctx, tasks)
	if err != nil {
		return nil, err
	}
	if none {
		return slices.Repeat([]Created{{Verdict: Absent}}, len(tasks)), nil
	}
	cmds := make([]*redis.SliceCmd, len(tasks))
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range tasks {
			cmds[i] = p.HMGet(ctx, Key(t.ID), "fingerprint", "state", "delivery", "process_at", "expires_at")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record: look: %w", err)
	}
	found := make([]Created, len(tasks))
	for i, cmd := range cmds {
		found[i] = tasks[i].look(fieldReader{cmd.Val()})
	}
	return found, nil
}

// noneThere reports whether no record of several tasks is there, by one command: in most batches
// all tasks are new. A Redis that has slots is not asked.
func (s Store) noneThere(ctx context.Context, tasks []*New) (bool, error) {
	if len(tasks) == 1 || s.slots.Load() {
		return false, nil
	}
	keys := make([]string, len(tasks))
	for i, t := range tasks {
		keys[i] = Key(t.ID)
	}
	n, err := s.redis.Exists(ctx, keys...).Result()
	switch {
	case refusal.ManySlots(err):
		s.slots.Store(true)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("record: look: %w", err)
	}
	return n == 0, nil
}

func (t *New) look(r fieldReader) Created {
	c := Created{
		Verdict:     Same,
		Fingerprint: Fingerprint(r.text(0)),
		State:       State(r.text(1)),
		Delivery:    r.delivery(2),
		ProcessAt:   fromMillis(r.integer(3)),
	}
	expires := fromMillis(r.integer(4))
	switch {
	case c.Fingerprint == "", !expires.IsZero() && !time.Now().Before(expires):
		return Created{Verdict: Absent}
	case c.Fingerprint != t.Fingerprint:
		c.Verdict = Conflict
	}
	t.compare(&c)
	return c
}

// compare looks again at what is not the same word for word, and names what differs.
func (t *New) compare(c *Created) {
	if c.Verdict != Conflict {
		return
	}
	ours := t.Fingerprint
	switch {
	case c.Fingerprint.keyed() == ours.keyed():
	case t.Other == nil:
		c.Verdict = Unknowable
		return
	default:
		ours = t.Other()
	}
	if ours == c.Fingerprint {
		c.Verdict = Same
		return
	}
	c.Differs = ours.Differs(c.Fingerprint)
}

// Redeliver tells which delivery is to be made in the place of one that is over although the task
// needs it, and counts it, once. It is 0 where the task needs none: it is being performed, by a run
// whose claim holds, or settled, or gone.
func (s Store) Redeliver(ctx context.Context, id string, over int64) (int64, error) {
	delivery, err := redeliverScript.Run(
		ctx, s.redis, []string{Key(id)}, over, LongestClaim.Milliseconds(),
	).Int64()
	if err != nil {
		return 0, fmt.Errorf("record: redeliver: %w", err)
	}
	return delivery, nil
}

func (t *New) readCreated(cmd *redis.Cmd) (Created, error) {
	value, err := cmd.Result()
	if err != nil {
		return Created{}, err
	}
	if handedOver, isNew := value.(int64); isNew {
		return Created{
			Verdict:     IsNew,
			Fingerprint: t.Fingerprint,
			State:       Queued,
			Delivery:    1,
			ProcessAt:   fromMillis(millis(t.ProcessAt)),
			HandedOver:  handedOver == 1,
		}, nil
	}
	reply, _ := value.([]any)
	r := replyReader{reply: reply}
	c := Created{
		Verdict:     CreateVerdict(r.text(0)),
		Fingerprint: Fingerprint(r.text(1)),
		State:       State(r.text(2)),
		Delivery:    r.integer(3),
		ProcessAt:   fromMillis(r.integer(4)),
	}
	t.compare(&c)
	return c, r.err
}
