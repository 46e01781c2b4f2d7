package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Binding is a binding that exists.
type Binding struct {
	Pool      string
	Task      string
	Kind      Kind
	A, B      dypls.Phone // of a Pair
	X         dypls.Phone
	Extension string // of an Extension; that of other binds' answers is a real number, and is not kept
	SubsID    string
	Until     time.Time // its expiry, plus what clocks may differ
}

// Bound writes down that a task's binding exists: its lease becomes the binding's, and ends with
// it. What is not told about the binding, A and B, extension or expiry, is as the lease has it. The
// truth is at the service: where the task holds no lease by now it gets one; where it leased
// another X, that one is freed; where another binding of the task is on that, both are held; and of
// two tasks that were told one binding, one holds it. It is told before the task's outcome is, so
// that a crash in between finds the same binding again. An X that is not of the inventory is
// nothing to it. Replicas are waited for as with a lease; too few of them are no error, as the
// binding exists.
func (v *Inventory) Bound(ctx context.Context, of Binding) error {
	if err := of.check(); err != nil {
		return fmt.Errorf("inventory: bound: %w", err)
	}
	a, b := hashed(of.Kind, of.A, of.B)
	verdict, err := v.withHashes(ctx, of.Pool, a, b, func(
		a, b person, secretName string,
	) (string, error) {
		cmd, _ := v.runHeld(ctx, boundScript, of.Pool, of.Task, string(of.Kind), a, b,
			v.name(of.Pool, of.X),
			of.Kind.extension(of.Extension), of.SubsID, optionalMillis(of.Until), secretName)
		return cmd.Text()
	})
	switch {
	case err != nil:
		return fmt.Errorf("inventory: bound: %w", err)
	case verdict != "bound" && verdict != "unlisted":
		return fmt.Errorf("inventory: bound: unexpected reply of a script: %q", verdict)
	}
	return nil
}

func (of Binding) check() error {
	switch {
	case !of.Kind.valid():
		return fmt.Errorf("kind %q: take Alone, Pair or Extension", of.Kind)
	case of.Kind == Pair && (of.A == "") != (of.B == ""):
		return errors.New("a pair needs A and B")
	case !isNumber(string(of.X)):
		return errNotX
	case of.Kind == Extension && of.Extension != "" && !isExtension(of.Extension):
		return errors.New("an extension must be 1-3 digits")
	}
	return errors.Join(checkWords("task", of.Task), checkWords("SubsId", of.SubsID))
}

// Change is what an UpdateSubscription changed. What is zero stays as it was.
type Change struct {
	Pool   string
	X      dypls.Phone
	SubsID string
	A, B   dypls.Phone
	Until  time.Time
}

// Update writes down that a binding changed. What it had before rests. An expiry that becomes later
// is told before by Prolong. It reports whether the inventory knows the binding.
func (v *Inventory) Update(ctx context.Context, c Change) (bool, error) {
	if err := checkWords("SubsId", c.SubsID); err != nil {
		return false, fmt.Errorf("inventory: update: %w", err)
	}
	until := optionalMillis(c.Until)
	verdict, err := v.withHashes(ctx, c.Pool, c.A, c.B, func(
		a, b person, secretName string,
	) (string, error) {
		return v.verdict(
			ctx, updateScript, c.Pool, v.name(c.Pool, c.X), c.SubsID, until, a, b, secretName,
		)
	})
	if err != nil {
		return false, fmt.Errorf("inventory: update: %w", err)
	}
	return verdict == "updated", nil
}

// Prolong is told before a call leaves that makes a binding's expiry c.Until: from then on its
// lease cannot end before the binding does, whatever becomes of the call and of its caller. An
// expiry that is later already stays. It returns what the lease's was, for Curtail, and the zero
// time where nothing is to be taken back. With a *[replicas.ShortageError] it is written, and the
// call is not to leave: a failover could forget it.
func (v *Inventory) Prolong(ctx context.Context, c Change) (was time.Time, err error) {
	if err := checkWords("SubsId", c.SubsID); err != nil {
		return time.Time{}, fmt.Errorf("inventory: prolong: %w", err)
	}
	cmd, shortage := v.runHeld(
		ctx, prolongScript, c.Pool, v.name(c.Pool, c.X), c.SubsID, millis(c.Until), "",
	)
	before, err := cmd.Text()
	at := int64(0)
	if err == nil && before != "" {
		at, err = strconv.ParseInt(before, 10, 64)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("inventory: prolong: %w", err)
	}
	if at != 0 {
		was = time.UnixMilli(at)
	}
	if shortage != nil {
		return was, fmt.Errorf("inventory: prolong: %w", shortage)
	}
	return was, nil
}

// Curtail takes back what Prolong did, where the call is known to have changed nothing. It leaves
// alone what was told since.
func (v *Inventory) Curtail(ctx context.Context, c Change, was time.Time) error {
	if _, err := v.verdict(
		ctx,
		prolongScript,
		c.Pool,
		v.name(c.Pool, c.X),
		c.SubsID,
		millis(c.Until),
		millis(was),
	); err != nil {
		return fmt.Errorf("inventory: curtail: %w", err)
	}
	return nil
}

// Unbound writes down that a binding is gone, and lets what it had rest. It reports whether the
// inventory knew the binding.
func (v *Inventory) Unbound(
	ctx context.Context,
	pool string,
	x dypls.Phone,
	subsID string,
) (bool, error) {
	verdict, err := v.verdict(ctx, unboundScript, pool, v.name(pool, x), subsID)
	if err != nil {
		return false, fmt.Errorf("inventory: unbound: %w", err)
	}
	return verdict == "freed", nil
}

// Knows reports whether a binding stands here as one that exists.
func (v *Inventory) Knows(
	ctx context.Context,
	pool string,
	x dypls.Phone,
	subsID string,
) (bool, error) {
	fields, err := v.names(ctx, pool, x)
	if err != nil {
		return false, fmt.Errorf("inventory: ask for a binding: %w", err)
	}
	for i := range fields {
		fields[i] += "|" + subsID
	}
	tasks, err := v.redis.HMGet(ctx, key(pool, "subs"), fields...).Result()
	if err != nil {
		return false, fmt.Errorf("inventory: ask for a binding: %w", err)
	}
	known := slices.ContainsFunc(tasks, func(task any) bool { return task != nil })
	if !known {
		err = v.CheckReadable(ctx, pool)
	}
	if err != nil {
		return false, fmt.Errorf("inventory: ask for a binding: %w", err)
	}
	return known, nil
}

// checkWords refuses what would not come back whole: a lease is kept as words.
func checkWords(name, s string) error {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("the %s is empty, or holds white space", name)
	}
	return nil
}

// optionalMillis is "" for a time that is not told.
func optionalMillis(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return millis(t)
}

// millis is how times stand in Redis: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}
