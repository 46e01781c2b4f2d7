package inventory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

// form is how a script is told numbers. Where all of a pool are sealed, it is told no digits: what
// Redis is sent shows in MONITOR and the slow log.
type form string

const (
	inDigits  form = "none"   // there are no keys
	inBoth    form = "keys"   // some may be sealed, some not
	inHandles form = "sealed" // all are sealed
	inNone    form = "any"    // it is told none, and tells none
)

// spelled is an argument of a script that depends on the form.
type spelled interface{ in(f form) string }

// named is an X.
type named struct{ digits, handle string }

func (n named) in(f form) string { return strings.Join(n.all(f), "|") }

// all are the names under which an X may stand. A number that was not opened has its handle alone.
func (n named) all(f form) []string {
	switch {
	case n.handle == "" || f == inDigits:
		return []string{n.digits}
	case n.digits == "" || f == inHandles:
		return []string{n.handle}
	}
	return []string{n.digits, n.handle}
}

// person is what stands for A or B.
type person struct{ plain, sealed string }

func (p person) in(f form) string {
	switch {
	case p.plain == "" || f == inDigits:
		return p.plain
	case f == inHandles:
		return "|" + p.sealed
	}
	return p.plain + "|" + p.sealed
}

// formOf returns the form of a pool for a script. That all numbers are sealed is taken for true
// until a script says otherwise, that some are not for some seconds.
func (v *Inventory) formOf(ctx context.Context, s *redis.Script, pool string) (form, error) {
	switch {
	case s == sweepScript || s == countScript:
		return inNone, nil
	case !v.keys.On():
		return inDigits, nil
	case s == sealScript || s == sealingScript, s == importScript && !v.keys.Seals():
		return inBoth, nil
	}
	v.mu.Lock()
	known, ok := v.formsKnown[pool]
	v.mu.Unlock()
	if ok && (known.until.IsZero() || time.Now().Before(known.until)) {
		return known.form, nil
	}
	return v.askForm(ctx, pool)
}

func (v *Inventory) askForm(ctx context.Context, pool string) (form, error) {
	all, sealed, err := v.forms(ctx, pool)
	switch {
	case err != nil:
		return "", err
	case all == 0: // whoever imports decides
		return v.noteForm(pool, knownForm{inHandles, time.Now().Add(lacksFor)}), nil
	case all == sealed:
		return v.noteForm(pool, knownForm{form: inHandles}), nil
	}
	return v.noteForm(pool, knownForm{inBoth, time.Now().Add(hasFor)}), nil
}

// knownForm is a pool's form, and until when that is taken for true; the zero time until a script
// says otherwise.
type knownForm struct {
	form  form
	until time.Time
}

func (v *Inventory) noteForm(pool string, known knownForm) form {
	v.mu.Lock()
	defer v.mu.Unlock()
	forgetMany(v.formsKnown)
	v.formsKnown[pool] = known
	return known.form
}

// run runs a script on a pool.
func (v *Inventory) run(ctx context.Context, s *redis.Script, pool string, args ...any) *redis.Cmd {
	cmd, _ := v.spell(ctx, s, pool, args, func(args []any) (*redis.Cmd, *replicas.ShortageError) {
		return s.Run(ctx, v.redis, keys(pool), args...), nil
	})
	return cmd
}

// runHeld is run, and waits for the replicas that are wanted.
func (v *Inventory) runHeld(
	ctx context.Context,
	s *redis.Script,
	pool string,
	args ...any,
) (*redis.Cmd, *replicas.ShortageError) {
	return v.spell(ctx, s, pool, args, func(args []any) (*redis.Cmd, *replicas.ShortageError) {
		return replicas.Run(ctx, v.redis, v.replicas, s, keys(pool), args...)
	})
}

// spell sends a script its arguments in the form that the pool has, and again where it turns out to
// have another.
func (v *Inventory) spell(
	ctx context.Context,
	s *redis.Script,
	pool string,
	args []any,
	send func(args []any) (*redis.Cmd, *replicas.ShortageError),
) (*redis.Cmd, *replicas.ShortageError) {
	for {
		f, err := v.formOf(ctx, s, pool)
		if err != nil {
			cmd := redis.NewCmd(ctx)
			cmd.SetErr(err)
			return cmd, nil
		}
		all := []any{v.ahead.Milliseconds(), time.Duration(v.cooldown.Load()).Milliseconds(), string(f)}
		for _, arg := range args {
			if of, is := arg.(spelled); is {
				arg = of.in(f)
			}
			all = append(all, arg)
		}
		cmd, shortage := send(all)
		switch {
		case f == inHandles && repliedWith(cmd, "DIGITS "):
			v.noteForm(pool, knownForm{inBoth, time.Now().Add(hasFor)})
			continue
		case repliedWith(cmd, "SEALED "):
			cmd.SetErr(ErrSealed)
		}
		return cmd, shortage
	}
}

func repliedWith(cmd *redis.Cmd, code string) bool {
	reply, is := cmd.Err().(redis.Error) //nolint:errorlint // as go-redis returns it
	return is && strings.HasPrefix(reply.Error(), code)
}

// forms are how many numbers a pool has, and how many of them are sealed.
func (v *Inventory) forms(ctx context.Context, pool string) (all, sealed int, err error) {
	var numbers, handles *redis.IntCmd
	_, err = v.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		numbers, handles = p.HLen(ctx, key(pool, "numbers")), p.HLen(ctx, key(pool, "sealed"))
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count sealed numbers: %w", err)
	}
	return int(numbers.Val()), int(handles.Val()), nil
}
