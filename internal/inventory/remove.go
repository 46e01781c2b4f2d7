package inventory

import (
	"context"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Removal is which numbers are to leave a pool's inventory.
type Removal struct {
	Pool    string
	Numbers []dypls.Phone
	// Force lets numbers go that are in use: nobody else gets them, and they leave when the last
	// binding on them has ended and rested. Without it, one that is in use keeps all of them from
	// leaving.
	Force bool
}

// Removed tells what a removal did.
type Removed struct {
	Gone int // that have left
	// that leave once nobody holds them and they have rested; imported again before, they rest on
	Leaving int
	InUse   int // that stay: they came into use in the meantime
	Unknown int // that the inventory has not
}

// InUseError tells how many of the numbers that were to be removed are in use. None was removed.
type InUseError struct{ Count int }

func (e *InUseError) Error() string {
	return fmt.Sprintf(
		"inventory: %d of the numbers are in use, so none was removed: leave them out, or force it",
		e.Count,
	)
}

// Remove takes numbers out of a pool's inventory. The error is an *[InUseError] where numbers are
// in use and it is not forced.
func (v *Inventory) Remove(ctx context.Context, r Removal) (Removed, error) {
	mode := "all"
	if !r.Force {
		found, err := v.remove(ctx, r, "look")
		if err != nil {
			return Removed{}, err
		}
		if found.InUse > 0 {
			return Removed{}, &InUseError{found.InUse}
		}
		mode = "free"
	}
	return v.remove(ctx, r, mode)
}

func (v *Inventory) remove(ctx context.Context, r Removal, mode string) (Removed, error) {
	var done Removed
	for some := range batches(r.Numbers) {
		counts, err := v.counts(
			ctx, removeScript, r.Pool, 4, append([]any{mode}, v.texts(r.Pool, some)...)...,
		)
		if err != nil {
			return done, fmt.Errorf("inventory: remove: %w", err)
		}
		done.Gone += int(counts[0])
		done.Leaving += int(counts[1])
		done.InUse += int(counts[2])
		done.Unknown += int(counts[3])
	}
	return done, nil
}
