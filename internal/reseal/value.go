package reseal

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

//go:embed lua/field.lua
var fieldLua string

// value is one that may be sealed, and where it stands.
type value struct {
	at     seal.Place
	stored string
}

// stands says whether a value counts, and which key seals it, "" for none.
func (k *kind) stands(v value) (id string, counts bool) {
	id, sealed := seal.KeyID(v.stored)
	return id, sealed || v.stored != "" && k.clear(v.at.Field)
}

// count notes how a value stands.
func (w *walk) count(k *kind, v value) {
	id, counts := k.stands(v)
	c := w.report.of(k.name)
	switch {
	case !counts:
	case id == "":
		c.Clear++
	default:
		c.Sealed[id]++
	}
}

// anew returns what should stand in the place of a value, and false where nothing else should.
func (w *walk) anew(k *kind, v value) (string, bool) {
	id, counts := k.stands(v)
	if !counts || !w.change || k.fixed || id == w.report.Active {
		return "", false
	}
	plain, err := w.Keys.Open(v.at, v.stored)
	if err != nil {
		if _, missing := errors.AsType[*seal.MissingKeyError](err); !missing {
			w.report.of(k.name).Broken++
		}
		return "", false
	}
	return w.Keys.Seal(v.at, plain), true
}

// hash is one that is looked at.
type hash struct {
	key     string
	kind    *kind
	account string
	cursor  uint64
	page    *redis.ScanCmd
	started bool
}

// hashes looks at hashes side by side, field by field.
func (w *walk) hashes(ctx context.Context, open []*hash) error {
	for len(open) > 0 {
		accounts := make([]*redis.StringCmd, len(open))
		_, err := w.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, h := range open {
				if !h.started {
					accounts[i] = p.HGet(ctx, h.key, "account")
				}
				h.page = p.HScan(ctx, h.key, h.cursor, "", fieldsAtOnce)
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("read hashes: %w", err)
		}
		var more []*hash
		for i, h := range open {
			if accounts[i] != nil {
				h.account, h.started = accounts[i].Val(), true
			}
			var pairs []string
			if pairs, h.cursor, err = h.page.Result(); err != nil {
				return fmt.Errorf("read a hash: %w", err)
			}
			var values []value
			for n := 0; n+1 < len(pairs); n += 2 {
				values = append(values, value{h.kind.place(h.key, h.account, pairs[n]), pairs[n+1]})
			}
			if err = w.settle(ctx, h.kind, h.key, values); err != nil {
				return err
			}
			if h.cursor != 0 {
				more = append(more, h)
			}
		}
		open = more
	}
	return nil
}

// single looks at a key that holds one value.
func (w *walk) single(ctx context.Context, k *kind, key string) error {
	stored, err := w.Redis.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a value: %w", err)
	}
	return w.settle(ctx, k, key, []value{{k.place(key, "", ""), stored}})
}

// settle puts others in the places of values where that is wanted, and counts how they stand then.
// What somebody else has written meanwhile is looked at again.
func (w *walk) settle(ctx context.Context, k *kind, key string, values []value) error {
	const tries = 5
	for range tries {
		var args []any
		after := slices.Clone(values)
		for i, v := range values {
			if sealed, is := w.anew(k, v); is {
				args = append(args, v.at.Field, v.stored, sealed)
				after[i].stored = sealed
			}
		}
		const perValue = 3
		put := 0
		if args != nil {
			var err error
			if put, err = w.Redis.Eval(ctx, fieldLua, []string{key}, args...).Int(); err != nil {
				return fmt.Errorf("seal anew: %w", err)
			}
		}
		w.report.Changed += int64(put)
		if put == len(args)/perValue {
			values = after
			break
		}
		var err error
		if values, err = w.again(ctx, key, values); err != nil {
			return err
		}
	}
	for _, v := range values {
		w.count(k, v)
	}
	return nil
}

// again reads values anew, without those that are gone.
func (w *walk) again(ctx context.Context, key string, values []value) (still []value, err error) {
	replies := make([]*redis.StringCmd, len(values))
	_, err = w.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, v := range values {
			if v.at.Field == "" {
				replies[i] = p.Get(ctx, key)
			} else {
				replies[i] = p.HGet(ctx, key, v.at.Field)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read values again: %w", err)
	}
	for i, v := range values {
		if stored, err := replies[i].Result(); err == nil {
			still = append(still, value{v.at, stored})
		}
	}
	return still, nil
}
