package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Holding is what one task, or its binding, holds.
type Holding struct {
	Task      string
	X         dypls.Phone // "" where it is sealed and does not open
	Kind      Kind
	Extension string
	Since     time.Time
	SubsID    string    // "" while the bind is not settled, or what came of it is forgotten
	Until     time.Time // until when the binding may stand; the zero time for ever

	name string // of X
}

// number is X, or the handle of one that does not open: it is found by that as well.
func (h Holding) number() dypls.Phone { return cmp.Or(h.X, dypls.Phone(h.name)) }

// Settled reports whether the binding is known to exist.
func (h Holding) Settled() bool { return h.SubsID != "" }

// Holding returns what a task holds, and whether it holds anything. The error is an
// *[UnreadableError] where the number does not open.
func (v *Inventory) Holding(ctx context.Context, pool, task string) (Holding, bool, error) {
	held, err := v.holdings(ctx, pool, []string{task})
	if err != nil {
		return Holding{}, false, fmt.Errorf("inventory: read a lease: %w", err)
	}
	if len(held) == 0 {
		return Holding{}, false, nil
	}
	return held[0], true, nil
}

// holdings are the leases of tasks, of those that have one. Where the numbers of some do not open,
// they are there without, and the error is that of the first.
func (v *Inventory) holdings(ctx context.Context, pool string, tasks []string) ([]Holding, error) {
	values, err := v.redis.HMGet(ctx, key(pool, "leases"), tasks...).Result()
	if err != nil {
		return nil, err
	}
	held, names := make([]Holding, 0, len(tasks)), make([]string, 0, len(tasks))
	for i, task := range tasks {
		text, ok := values[i].(string)
		if !ok {
			continue
		}
		h, err := readHolding(task, text)
		if err != nil {
			return nil, err
		}
		held, names = append(held, h), append(names, h.name)
	}
	numbers, err := v.openAll(ctx, pool, names)
	for i, x := range numbers {
		held[i].X = x
	}
	return held, err
}

// Unsettled goes through the leases that nobody has said anything on for so long, the oldest first,
// while each returns nil. A worker that died between a task's outcome and Release leaves such a one
// behind; a task that is uncertain keeps its own. What changes meanwhile may be left out. A lease
// of a time to come was made before Redis' clock was put back: nobody knows for how long nothing
// was said on it, and it is gone through as well. One whose number does not open is gone through
// without it, and told at the end: then the error is an *[UnreadableError].
func (v *Inventory) Unsettled(
	ctx context.Context,
	pool string,
	atLeast time.Duration,
	each func(Holding) error,
) error {
	now, err := v.now(ctx)
	if err != nil {
		return fmt.Errorf("inventory: list unsettled leases: %w", err)
	}
	const atOnce = 1000
	var unreadable error
	for _, page := range []redis.ZRangeBy{
		{Min: "-inf", Max: strconv.FormatInt(now.Add(-atLeast).UnixMilli(), 10), Count: atOnce},
		{Min: strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10), Max: "+inf", Count: atOnce},
	} {
		err := v.unsettled(ctx, pool, page, each)
		if _, is := errors.AsType[*UnreadableError](err); is {
			unreadable = cmp.Or(unreadable, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return unreadable
}

func (v *Inventory) unsettled(
	ctx context.Context,
	pool string,
	page redis.ZRangeBy,
	each func(Holding) error,
) error {
	var unreadable error
	for {
		tasks, err := v.redis.ZRangeByScore(ctx, key(pool, "open"), &page).Result()
		if err != nil {
			return fmt.Errorf("inventory: list unsettled leases: %w", err)
		}
		if len(tasks) == 0 {
			return unreadable
		}
		held, err := v.holdings(ctx, pool, tasks)
		if err != nil {
			err = fmt.Errorf("inventory: list unsettled leases: %w", err)
			if held == nil {
				return err
			}
			unreadable = cmp.Or(unreadable, err)
		}
		for _, h := range held {
			if h.Settled() {
				continue // in between
			}
			if err := each(h); err != nil {
				return err
			}
		}
		page.Offset += page.Count
	}
}

func readHolding(task, value string) (Holding, error) {
	fields := strings.Split(value, " ")
	if len(fields) != 9 {
		return Holding{}, fmt.Errorf("inventory: a lease is kept as %d words, not 9", len(fields))
	}
	since, err1 := strconv.ParseInt(fields[6], 10, 64)
	until, err2 := strconv.ParseInt(fields[7], 10, 64)
	if err := cmp.Or(err1, err2); err != nil {
		return Holding{}, fmt.Errorf("inventory: a lease is kept with a time that is none: %w", err)
	}
	h := Holding{
		Task:  task,
		name:  fields[0],
		Kind:  Kind(fields[1]),
		Since: time.UnixMilli(since).UTC(),
	}
	if fields[2] != "-" {
		h.Extension = fields[2]
	}
	if fields[8] != "-" {
		h.SubsID = fields[8]
	}
	if until > 0 {
		h.Until = time.UnixMilli(until).UTC()
	}
	return h, nil
}
