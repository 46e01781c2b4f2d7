package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Entry is a number of the inventory. What reads all of them is for tests alone: a pool may have
// hundreds of thousands.
type Entry struct {
	X         dypls.Phone // masked wherever it is printed
	City      string
	State     State
	Kind      Kind // what it is, or was last, used for; "" for nothing yet
	Leases    int  // that hold it, the bound ones included
	Bound     int
	RestsTill time.Time // the zero time where it never rested
	Reason    string    // why it is set aside
}

// asideNot and asideLeaving stand in Redis in the place of a reason.
const (
	asideNot     = "-"
	asideLeaving = "~"
)

func readEntry(x, value string, now time.Time) (Entry, error) {
	fields := strings.SplitN(value, " ", 6)
	if len(fields) != 6 {
		return Entry{}, fmt.Errorf("a number is kept as %d words, not 6", len(fields))
	}
	held, err1 := strconv.Atoi(fields[1])
	bound, err2 := strconv.Atoi(fields[2])
	rest, err3 := strconv.ParseInt(fields[3], 10, 64)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return Entry{}, fmt.Errorf("a number is kept with a count that is none: %w", err)
		}
	}
	e := Entry{X: dypls.Phone(x), City: fields[5], Leases: held, Bound: bound}
	if fields[0] != "-" {
		e.Kind = Kind(fields[0])
	}
	if rest > 0 {
		e.RestsTill = time.UnixMilli(rest).UTC()
	}
	switch aside := fields[4]; {
	case aside == asideLeaving:
		e.State = Leaving
	case aside != asideNot:
		e.State, e.Reason = Aside, aside
	case bound > 0:
		e.State = IsBound
	case held > 0:
		e.State = OnLease
	case e.RestsTill.After(now):
		e.State = Resting
	default:
		e.State = Free
	}
	return e, nil
}

// Holdings returns all that is held of a pool, the oldest first.
func (v *Inventory) Holdings(ctx context.Context, pool string) ([]Holding, error) {
	var all []Holding
	err := v.scanOnce(ctx, key(pool, "leases"), func(task, value string) error {
		h, err := readHolding(task, value)
		if err == nil {
			h.X, err = v.openName(ctx, pool, h.name)
		}
		all = append(all, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("inventory: list leases: %w", err)
	}
	slices.SortFunc(all, func(a, b Holding) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Task, b.Task)) })
	return all, nil
}

// List returns all numbers of a pool, sorted.
func (v *Inventory) List(ctx context.Context, pool string) ([]Entry, error) {
	now, err := v.now(ctx)
	if err != nil {
		return nil, fmt.Errorf("inventory: list: %w", err)
	}
	var entries []Entry
	err = v.scanOnce(ctx, key(pool, "numbers"), func(x, value string) error {
		e, err := readEntry(x, value, now)
		if err == nil {
			e.X, err = v.openName(ctx, pool, x)
		}
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("inventory: list: %w", err)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(string(a.X), string(b.X)) })
	return entries, nil
}

func (v *Inventory) openName(ctx context.Context, pool, name string) (dypls.Phone, error) {
	x, err := v.openAll(ctx, pool, []string{name})
	if err != nil {
		return "", err
	}
	return x[0], nil
}

// scanOnce reads each field of a hash once.
func (v *Inventory) scanOnce(ctx context.Context, hash string, each func(field, value string) error) error {
	seen := map[string]bool{}
	return v.scan(ctx, hash, func(field, value string) error {
		if seen[field] {
			return nil
		}
		seen[field] = true
		return each(field, value)
	})
}
