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
	X         dypls.Phone
	Kind      Kind
	Extension string
	Since     time.Time
	SubsID    string    // "" while the bind is not settled, or what came of it is forgotten
	Until     time.Time // until when the binding may stand; the zero time for ever
}

// Settled reports whether the binding is known to exist.
func (h Holding) Settled() bool { return h.SubsID != "" }

// Holding returns what a task holds, and whether it holds anything.
func (v *Inventory) Holding(ctx context.Context, pool, task string) (Holding, bool, error) {
	value, err := v.redis.HGet(ctx, key(pool, "leases"), task).Result()
	if errors.Is(err, redis.Nil) {
		return Holding{}, false, nil
	}
	if err != nil {
		return Holding{}, false, fmt.Errorf("inventory: read a lease: %w", err)
	}
	h, err := readHolding(task, value)
	return h, err == nil, err
}

// Unsettled goes through the leases that nobody has said anything on for so long, the oldest first,
// while each returns nil. A worker that died between a task's outcome and Release leaves such a one
// behind; a task that is uncertain keeps its own. What changes meanwhile may be left out. A lease
// of a time to come was made before Redis' clock was put back: nobody knows for how long nothing
// was said on it, and it is gone through as well.
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
	for _, page := range []redis.ZRangeBy{
		{Min: "-inf", Max: strconv.FormatInt(now.Add(-atLeast).UnixMilli(), 10), Count: atOnce},
		{Min: strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10), Max: "+inf", Count: atOnce},
	} {
		if err := v.unsettled(ctx, pool, page, each); err != nil {
			return err
		}
	}
	return nil
}

func (v *Inventory) unsettled(
	ctx context.Context,
	pool string,
	page redis.ZRangeBy,
	each func(Holding) error,
) error {
	for {
		tasks, err := v.redis.ZRangeByScore(ctx, key(pool, "open"), &page).Result()
		if err != nil {
			return fmt.Errorf("inventory: list unsettled leases: %w", err)
		}
		if len(tasks) == 0 {
			return nil
		}
		values, err := v.redis.HMGet(ctx, key(pool, "leases"), tasks...).Result()
		if err != nil {
			return fmt.Errorf("inventory: list unsettled leases: %w", err)
		}
		for i, value := range values {
			text, ok := value.(string)
			if !ok {
				continue // freed in between
			}
			h, err := readHolding(tasks[i], text)
			if err == nil && !h.Settled() {
				err = each(h)
			}
			if err != nil {
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
		X:     dypls.Phone(fields[0]),
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
