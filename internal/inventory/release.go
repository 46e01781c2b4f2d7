package inventory

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Refusal is the end of a task whose bind was definitely refused, or never sent.
type Refusal struct {
	Pool string
	Task string
	X    dypls.Phone // that it was refused: one that the task was given since is not freed
	// Unperformed tells that there provably never was a binding, not for a moment: then X needs no
	// rest.
	Unperformed bool
	// Aside sets X aside as well where it is not "", for this reason, such as isv.NO_NOT_EXIST.
	Aside string
}

// Release frees what a task leased, after which Lease gives it another. That is the way out of
// isv.BIND_CONFLICT, too: the service knows a binding that the inventory does not, so what was
// leased rests, like after a binding of our own. A lease whose binding exists is left alone: that
// ends with Unbound or by its expiry. It reports whether something was freed.
func (v *Inventory) Release(ctx context.Context, r Refusal) (bool, error) {
	if r.Aside != "" && !reason.MatchString(r.Aside) {
		return false, errReason
	}
	rests := 1
	if r.Unperformed {
		rests = 0
	}
	verdict, err := v.verdict(ctx, releaseScript, r.Pool, r.Task, v.name(r.Pool, r.X), rests, r.Aside)
	if err != nil {
		return false, fmt.Errorf("inventory: release: %w", err)
	}
	return verdict == "freed", nil
}

// Forget is for a lease whose task is not known any more, nor what came of its bind: it may have
// been bound. The number stays with it as long as a binding could stand, and rests then.
func (v *Inventory) Forget(ctx context.Context, pool string, h Holding) error {
	if _, err := v.verdict(ctx, forgetScript, pool, h.Task, v.name(pool, h.number())); err != nil {
		return fmt.Errorf("inventory: forget: %w", err)
	}
	return nil
}

var (
	reason    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
	errReason = errors.New(
		"inventory: a reason to set a number aside is a code, of letters, digits, full stops, underscores and hyphens",
	)
)

// SetAside keeps numbers from being leased, for a reason such as isv.NO_USED_BY_OTHERS. Who holds
// them keeps them. It returns how many of them the inventory has.
func (v *Inventory) SetAside(
	ctx context.Context,
	pool, why string,
	numbers ...dypls.Phone,
) (int, error) {
	if !reason.MatchString(why) {
		return 0, errReason
	}
	return v.aside(ctx, pool, why, numbers)
}

// Readmit undoes SetAside. It returns how many of the numbers the inventory has.
func (v *Inventory) Readmit(ctx context.Context, pool string, numbers ...dypls.Phone) (int, error) {
	return v.aside(ctx, pool, "", numbers)
}

func (v *Inventory) aside(
	ctx context.Context,
	pool, why string,
	numbers []dypls.Phone,
) (int, error) {
	known := 0
	for batch := range batches(numbers) {
		n, err := v.run(ctx, asideScript, pool, append([]any{why}, v.texts(pool, batch)...)...).Int()
		if err != nil {
			return known, fmt.Errorf("inventory: set aside or readmit: %w", err)
		}
		known += n
	}
	return known, nil
}
