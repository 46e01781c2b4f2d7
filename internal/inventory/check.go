package inventory

import (
	"context"
	"errors"
	"fmt"
)

// checkMost is how many sealed numbers of a pool are opened by one check.
const checkMost = 10_000

// Report tells in which form the numbers of a pool stand, and whether they can be used.
type Report struct {
	Sealed     int
	InClear    int
	Checked    int   // of the sealed ones, 10,000 at most
	Unreadable int   // of those that were checked
	First      error // an *[UnreadableError], where there is one
}

// Check opens the numbers of a pool that are sealed, 10,000 at most.
func (v *Inventory) Check(ctx context.Context, pool string) (Report, error) {
	all, sealed, err := v.forms(ctx, pool)
	if err != nil {
		return Report{}, fmt.Errorf("inventory: check: %w", err)
	}
	report := Report{Sealed: sealed, InClear: max(all-sealed, 0)}
	err = v.scan(ctx, key(pool, "sealed"), func(handle, sealed string) error {
		report.Checked++
		if _, err := v.open(pool, handle, sealed); err != nil {
			report.Unreadable++
			if report.First == nil {
				report.First = err
			}
		}
		if report.Checked >= checkMost {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return Report{}, fmt.Errorf("inventory: check: %w", err)
	}
	return report, nil
}

var errEnough = errors.New("enough")

// InClear returns how many numbers of a pool stand in clear.
func (v *Inventory) InClear(ctx context.Context, pool string) (int, error) {
	all, sealed, err := v.forms(ctx, pool)
	if err != nil {
		return 0, fmt.Errorf("inventory: %w", err)
	}
	return max(all-sealed, 0), nil
}
