package inventory

import (
	"context"
	"fmt"
	"iter"
	"slices"

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

// Import adds numbers to a pool's inventory. Those that it has stay as they are, whatever they are used for; a city that is
// given replaces the one before. Where it ends early, the same again completes it.
func (v *Inventory) Import(ctx context.Context, pool string, numbers []Number) (Imported, error) {
	if err := checkNumbers(numbers); err != nil {
		return Imported{}, fmt.Errorf("inventory: import: %w", err)
	}
	if len(numbers) == 0 {
		return Imported{}, nil
	}
	if err := v.redis.SAdd(ctx, poolsKey, pool).Err(); err != nil {
		return Imported{}, fmt.Errorf("inventory: import: %w", err)
	}
	var done Imported
	for some := range batches(numbers) {
		args := make([]any, 0, 2*len(some))
		for _, n := range some {
			args = append(args, string(n.X), n.City)
		}
		counts, err := v.counts(ctx, importScript, pool, 2, args...)
		if err != nil {
			return done, fmt.Errorf("inventory: import: %w", err)
		}
		added, moved := int(counts[0]), int(counts[1])
		done.Added, done.Moved, done.Known = done.Added+added, done.Moved+moved, done.Known+len(some)-added-moved
	}
	v.noteHas(key(pool, "numbers"), true)
	v.noteHas(poolsKey, true)
	return done, nil
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

func texts(numbers []dypls.Phone) []any {
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = string(n)
	}
	return args
}
