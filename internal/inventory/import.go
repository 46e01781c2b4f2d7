package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// batch is how many numbers one script handles: Redis does nothing else for some milliseconds.
const batch = 500

// Imported tells what an import did.
type Imported struct {
	Added int // numbers that are new, or had been removed
	Moved int // numbers that were there, in another city
	Known int // numbers that were there
}

// Import adds numbers to a pool's inventory. Those that it has stay as they are, whatever they are
// used for; a city that is given replaces the one before, and a number that was sealed and does not
// open any more is sealed anew. Where it ends early, the same again completes it.
//
// Where a key is active the numbers of a new pool are sealed. A pool that has numbers in clear
// keeps to that until [Inventory.Seal]: whoever has no keys yet may use it. Into a pool that is
// sealed nobody imports without an active key.
func (v *Inventory) Import(ctx context.Context, pool string, numbers []Number) (Imported, error) {
	if err := checkNumbers(numbers); err != nil {
		return Imported{}, fmt.Errorf("inventory: import: %w", err)
	}
	if len(numbers) == 0 {
		return Imported{}, nil
	}
	if err := v.refuseUnsealed(ctx, pool); err != nil {
		return Imported{}, fmt.Errorf("inventory: import: %w", err)
	}
	if err := v.refuseOthers(ctx, pool, numbers); err != nil {
		return Imported{}, err
	}
	if err := v.redis.SAdd(ctx, poolsKey, pool).Err(); err != nil {
		return Imported{}, fmt.Errorf("inventory: import: %w", err)
	}
	var done Imported
	for some := range batches(numbers) {
		args := make([]any, 0, 3*len(some))
		for _, n := range some {
			args = append(args, v.name(pool, n.X), v.sealed(pool, n.X), n.City)
		}
		counts, err := v.counts(ctx, importScript, pool, 2, args...)
		if err != nil {
			return done, fmt.Errorf("inventory: import: %w", err)
		}
		added, moved := int(counts[0]), int(counts[1])
		done.Added, done.Moved, done.Known = done.Added+added, done.Moved+moved, done.Known+len(
			some,
		)-added-moved
	}
	v.noteHas(key(pool, "numbers"), true)
	v.noteHas(poolsKey, true)
	return done, nil
}

// errNoneActive is of whoever opens numbers and seals none.
var errNoneActive = errors.New("the numbers of the pool are sealed, and no key is active: dyplsq keys activate FILE ID has one seal")

// refuseUnsealed refuses a pool whose numbers are sealed to whoever cannot seal others. A script
// refuses it to who has no keys.
func (v *Inventory) refuseUnsealed(ctx context.Context, pool string) error {
	if !v.keys.On() || v.keys.Seals() {
		return nil
	}
	_, sealed, err := v.forms(ctx, pool)
	if err == nil && sealed > 0 {
		err = errNoneActive
	}
	return err
}

// ElsewhereError tells how many of the numbers stand in the inventories of other pools. The API
// knows a number in one pool alone.
type ElsewhereError struct{ Pools map[string]int }

func (e *ElsewhereError) Error() string {
	parts := make([]string, 0, len(e.Pools))
	for _, pool := range slices.Sorted(maps.Keys(e.Pools)) {
		parts = append(parts, fmt.Sprintf("%d in that of %s", e.Pools[pool], pool))
	}
	return "numbers must not stand in the inventory of another pool, and " + strings.Join(
		parts,
		", ",
	) +
		" do: leave them out, or release them there first, with dyplsq numbers release"
}

// refuseOthers refuses numbers that another pool has.
func (v *Inventory) refuseOthers(ctx context.Context, pool string, numbers []Number) error {
	pools, err := v.Pools(ctx)
	if err != nil {
		return fmt.Errorf("inventory: import: %w", err)
	}
	elsewhere := map[string]int{}
	for _, other := range pools {
		if other == pool {
			continue
		}
		for some := range batches(numbers) {
			found, err := v.known(ctx, other, some)
			if err != nil {
				return fmt.Errorf("inventory: import: %w", err)
			}
			for _, entry := range found {
				if entry != nil {
					elsewhere[other]++
				}
			}
		}
	}
	if len(elsewhere) > 0 {
		return &ElsewhereError{Pools: elsewhere}
	}
	return nil
}

// known returns what stands under the names of numbers, nil where nothing does.
func (v *Inventory) known(ctx context.Context, pool string, numbers []Number) ([]any, error) {
	if err := v.CheckReadable(ctx, pool); err != nil {
		return nil, err
	}
	x := make([]dypls.Phone, len(numbers))
	for i, n := range numbers {
		x[i] = n.X
	}
	names, err := v.names(ctx, pool, x...)
	if err != nil {
		return nil, err
	}
	return v.redis.HMGet(ctx, key(pool, "numbers"), names...).Result()
}

func checkNumbers(numbers []Number) error {
	for i, n := range numbers {
		if !isNumber(string(n.X)) {
			return fmt.Errorf("number %d must be 3-20 digits", i+1)
		}
		if problem := cityProblem(n.City); problem != "" {
			return fmt.Errorf("number %d: %s", i+1, problem)
		}
	}
	return nil
}

func batches[T any](all []T) iter.Seq[[]T] { return slices.Chunk(all, batch) }

func (v *Inventory) texts(pool string, numbers []dypls.Phone) []any {
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = v.name(pool, n)
	}
	return args
}
