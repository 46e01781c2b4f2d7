package reseal

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/swap.lua
var swapLua string

const (
	entriesAtOnce = 128
	// copyLife is how long a copy stays that nobody finishes.
	copyLife = time.Hour
)

// errTwoCopies is that a copy cannot take its stream's place, which stays as it was.
var errTwoCopies = errors.New("the copy of a stream lacks entries: another rotation goes on; call it again when that is over")

// stream looks at a stream. Those whose entries leave them by themselves are counted as they are.
// Of a sample, it looks at the oldest entries alone.
func (w *walk) stream(ctx context.Context, k *kind, key string) error {
	if w.change && !k.fixed {
		if err := w.rewrite(ctx, k, key); err != nil {
			return err
		}
	}
	return enough(w.entries(ctx, key, "-", func(page []redis.XMessage) error {
		for _, e := range page {
			for _, v := range k.valuesOf(key, e) {
				w.count(k, v)
			}
		}
		if w.Most > 0 {
			return errEnough
		}
		return nil
	}))
}

// entries reads a stream from an entry on, page by page.
func (w *walk) entries(
	ctx context.Context, key, from string, use func([]redis.XMessage) error,
) error {
	for {
		page, err := w.Redis.XRangeN(ctx, key, from, "+", entriesAtOnce).Result()
		if err != nil {
			return fmt.Errorf("read a stream: %w", err)
		}
		if err = use(page); err != nil || len(page) < entriesAtOnce {
			return err
		}
		from = "(" + page[len(page)-1].ID
	}
}

// valuesOf are the values of an entry.
func (k *kind) valuesOf(key string, e redis.XMessage) []value {
	account, _ := e.Values["account"].(string)
	values := make([]value, 0, len(e.Values))
	for field := range e.Values {
		stored, _ := e.Values[field].(string)
		values = append(values, value{k.place(key, account, field), stored})
	}
	return values
}

// rewrite seals a stream anew. Entries cannot be changed: a copy with the same ids takes the
// stream's place, once it has every entry. Who adds one waits for nothing.
func (w *walk) rewrite(ctx context.Context, k *kind, key string) error {
	if stale, err := w.isStale(ctx, k, key); err != nil || !stale {
		return err
	}
	twin := copyPrefix + "{" + key + "}" // in the slot of the stream
	defer func() { _ = w.Redis.Del(context.WithoutCancel(ctx), twin).Err() }()
	if err := w.Redis.Del(ctx, twin).Err(); err != nil {
		return fmt.Errorf("copy a stream: %w", err)
	}
	changed, last := int64(0), ""
	const tries = 1000 // entries may come all the time
	for range tries {
		from := "-"
		if last != "" {
			from = "(" + last
		}
		err := w.entries(ctx, key, from, func(page []redis.XMessage) error {
			if len(page) == 0 {
				return nil
			}
			last = page[len(page)-1].ID
			n, err := w.copy(ctx, k, key, twin, page)
			changed += n
			return err
		})
		if err != nil || changed == 0 || last == "" {
			return err
		}
		swapped, err := w.Redis.Eval(ctx, swapLua, []string{key, twin}, last).Int()
		if err != nil {
			return fmt.Errorf("put a copy in the place of a stream: %w", err)
		}
		switch swapped {
		case 1:
			w.report.Changed += changed
			return nil
		case -1:
			return errTwoCopies
		}
	}
	return nil // the next walk may have more luck
}

// isStale reports whether a stream has something that the active key has not sealed.
func (w *walk) isStale(ctx context.Context, k *kind, key string) (stale bool, err error) {
	err = w.entries(ctx, key, "-", func(page []redis.XMessage) error {
		for _, e := range page {
			for _, v := range k.valuesOf(key, e) {
				id, counts := k.stands(v)
				stale = stale || counts && id != w.report.Active
			}
		}
		return nil
	})
	return stale, err
}

// copy adds entries to a stream's copy, and returns how many of their values are sealed anew.
func (w *walk) copy(
	ctx context.Context, k *kind, key, twin string, page []redis.XMessage,
) (changed int64, err error) {
	began := time.Now()
	_, err = w.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range page {
			fields := make([]any, 0, 2*len(e.Values)) //nolint:mnd // a name and a value each
			for _, v := range k.valuesOf(key, e) {
				stored := v.stored
				if sealed, is := w.anew(k, v); is {
					stored = sealed
					changed++
				}
				fields = append(fields, v.at.Field, stored)
			}
			p.XAdd(ctx, &redis.XAddArgs{Stream: twin, ID: e.ID, Values: fields})
		}
		p.PExpire(ctx, twin, copyLife)
		return nil
	})
	if err != nil {
		return changed, fmt.Errorf("copy entries: %w", err)
	}
	return changed, w.rest(ctx, time.Since(began))
}
