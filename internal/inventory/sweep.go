package inventory

import (
	"context"
	"fmt"
)

// sweepAtOnce bounds how long Redis is busy with one piece of a sweep.
const sweepAtOnce = 100

// Sweep frees what has expired and what has rested, all of it, in small pieces. It returns how much
// that was. Leases do some of it by the way, more than they leave behind; a sweep now and then is
// for quiet times.
func (v *Inventory) Sweep(ctx context.Context, pool string) (int, error) {
	for swept := 0; ; {
		n, err := v.run(ctx, sweepScript, pool, sweepAtOnce).Int()
		if err != nil {
			return swept, fmt.Errorf("inventory: sweep: %w", err)
		}
		if swept += n; n == 0 {
			return swept, nil
		}
	}
}
