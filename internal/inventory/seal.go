package inventory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// sealAtOnce bounds how many numbers, leases and slots one script renames.
	sealAtOnce = 200
	// sealTries is how often a number is tried that somebody comes onto each time.
	sealTries = 100
	// notedFor is how long it is noted who comes onto numbers, after the last step of a run: one that
	// was interrupted, and that nobody repeats, leaves nothing that grows.
	notedFor = time.Hour
)

// errNotNoted is that a run has no notes any more: it took too long, or another one has ended.
var errNotNoted = errors.New("who came onto the numbers is no longer noted")

// ErrLeftInClear is matched by the error of [Inventory.Seal] where it has sealed all numbers but
// some whose leases are not those that they count. It is no better the next time.
var ErrLeftInClear = errors.New("numbers stay in clear")

// Seal seals the numbers of a pool that stand in clear, with all that is written of them, and
// replaces the hashes of A and B. Nothing is lost by it, and nobody has to stop: each number is
// sealed in one step, and until then stands as it was. From the beginning of it, who has no keys is
// refused with [ErrSealed]. It may be interrupted, and called again, for which it is noted who
// comes onto numbers: for an hour. A second one at the same time ends the first. progress, where it
// is not nil, is told how many are sealed, of how many.
func (v *Inventory) Seal(ctx context.Context, pool string, progress func(done, of int)) error {
	if !v.keys.Seals() {
		return errors.New("inventory: seal: no key is active")
	}
	if _, err := v.Sweep(ctx, pool); err != nil { // what is over needs no new name
		return err
	}
	for done := 0; ; {
		s := sealing{Inventory: v, pool: pool, run: rand.Text(), clear: map[string]*inClear{}}
		left, err := v.run(ctx, sealingScript, pool, s.run, notedFor.Milliseconds()).Int()
		if err == nil && left <= 0 {
			v.noteForm(pool, knownForm{form: inHandles})
			return nil
		}
		if err == nil {
			err = s.read(ctx)
		}
		of := done + left
		if err == nil {
			err = s.seal(ctx, func(n int) {
				done += n
				if progress != nil {
					progress(done, of)
				}
			})
		}
		if errors.Is(err, errNotNoted) {
			continue // what it has read may be wrong by now
		}
		if err == nil && s.odd > 0 && s.odd >= of-done {
			err = fmt.Errorf("%w: %d of pool %s, whose leases are not those that they count", ErrLeftInClear, s.odd, pool)
		}
		if err != nil {
			return fmt.Errorf("inventory: seal: %w", err)
		}
	}
}

// sealing is one pass over a pool.
type sealing struct {
	*Inventory

	pool  string
	run   string
	clear map[string]*inClear // by X
	odd   int
}

// inClear is what is known to be written of an X. What came since is noted, and told by the script.
type inClear struct {
	tasks, slots map[string]bool
	noted        int // bytes of the note that are known
}

func (s *sealing) of(x string) *inClear {
	if s.clear[x] == nil {
		s.clear[x] = &inClear{tasks: map[string]bool{}, slots: map[string]bool{}}
	}
	return s.clear[x]
}

func (s *sealing) read(ctx context.Context) error {
	err := s.scan(ctx, key(s.pool, "numbers"), func(x, _ string) error {
		if !isHandle(x) {
			s.of(x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.scan(ctx, key(s.pool, "leases"), func(task, value string) error {
		if words := strings.Split(value, " "); !isHandle(words[0]) {
			s.of(words[0]).tasks[task] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.scan(ctx, key(s.pool, "slots"), func(slot, _ string) error {
		if x, name, _ := strings.Cut(slot, "|"); !isHandle(x) {
			s.of(x).slots[name] = true
		}
		return nil
	})
}

// seal seals all that is in clear, some at a time, and tells how many.
func (s *sealing) seal(ctx context.Context, sealed func(int)) error {
	left := slices.Sorted(maps.Keys(s.clear))
	for tries := map[string]int{}; len(left) > 0; {
		some := s.some(left)
		left = left[len(some):]
		replies, err := s.Inventory.run(ctx, sealScript, s.pool, s.args(some)...).StringSlice()
		if err != nil {
			return err
		}
		if len(replies) == 1 && replies[0] == "over" {
			return errNotNoted
		}
		if len(replies) != len(some) {
			return errors.New("somebody else has begun to seal the pool")
		}
		n := 0
		for i, x := range some {
			noted, is := strings.CutPrefix(replies[i], "noted ")
			switch {
			case replies[i] == "sealed":
				n++
			case is && tries[x] < sealTries:
				s.of(x).note(noted)
				tries[x]++
				left = append(left, x)
			case replies[i] == "odd":
				s.odd++
			}
		}
		sealed(n)
	}
	return nil
}

// some takes from the front what one script is to rename.
func (s *sealing) some(left []string) []string {
	n, cost := 0, 0
	for n < len(left) && cost < sealAtOnce {
		known := s.of(left[n])
		cost += 1 + len(known.tasks) + len(known.slots)
		n++
	}
	return left[:n]
}

func (s *sealing) args(some []string) []any {
	args := make([]any, 0, 2+6*len(some))
	args = append(args, s.run, notedFor.Milliseconds())
	for _, x := range some {
		known := s.of(x)
		handle := s.handle(s.pool, dypls.Phone(x))
		args = append(args, x, handle, s.sealed(s.pool, dypls.Phone(x)), known.noted,
			strings.Join(slices.Collect(maps.Keys(known.tasks)), " "), s.renamed(known.slots))
	}
	return args
}

// renamed are pairs of words: extensions stay as they are.
func (s *sealing) renamed(slots map[string]bool) string {
	var words []string
	for slot := range slots {
		if isExtension(slot) {
			words = append(words, slot, slot)
		} else {
			words = append(words, slot, s.sealedHash(s.pool, slot))
		}
	}
	return strings.Join(words, " ")
}

// note takes in what the script did not know to be known: task, extension, hashes of A and B, and
// so on.
func (c *inClear) note(noted string) {
	c.noted += len(noted)
	for words := range slices.Chunk(strings.Fields(noted), 4) {
		c.tasks[words[0]] = true
		for _, slot := range words[1:] {
			if slot != "-" {
				c.slots[slot] = true
			}
		}
	}
}

// scan reads a hash piece by piece, so that Redis goes on with its work meanwhile. A field may be
// read twice.
func (v *Inventory) scan(
	ctx context.Context, hash string, each func(field, value string) error,
) error {
	for cursor := uint64(0); ; {
		pairs, next, err := v.redis.HScan(ctx, hash, cursor, "", 1000).Result()
		if err != nil {
			return err
		}
		for pair := range slices.Chunk(pairs, 2) {
			if err := each(pair[0], pair[1]); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
