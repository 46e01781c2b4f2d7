package doctor

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// heldMost is how many tasks that are held are compared with their records: the longest held.
	heldMost = 1000
	// nearEmpty is the part of a pool's numbers below which few are free.
	nearEmpty = 10
)

// uncertain are the tasks that nobody but a person can settle.
func (e *examination) uncertain(ctx context.Context) ([]Finding, error) {
	held, err := record.NewStore(e.Redis).WithKeys(e.Keys).Held(ctx, heldMost)
	if err != nil {
		return nil, err
	}
	if held.Count == 0 || len(held.Tasks) == 0 {
		return []Finding{found("", "no task waits to be settled")}, nil
	}
	ids := make([]string, len(held.Tasks))
	for i, t := range held.Tasks {
		ids[i] = t.ID
	}
	since := held.Tasks[0].Since
	return []Finding{
		found(
			"",
			"%d tasks are held, which may have taken effect: %s; the first for %s, since %s",
			held.Count,
			list(ids),
			e.Now().Sub(since).Round(time.Second),
			since.Format(time.RFC3339),
		).
			but(
				Warning,
				"dyplsq explain "+ids[0]+", then dyplsq resolve "+ids[0]+
					" --succeeded JSON | --failed | --retry",
			),
	}, nil
}

// undecryptable are the tasks that are held because what is recorded of them does not open.
func (e *examination) undecryptable(ctx context.Context) ([]Finding, error) {
	open := record.Selection{
		States: []record.State{record.Queued, record.Waiting, record.Calling, record.Looking},
		Code:   dypls.CodeUndecryptable,
	}
	var ids []string
	_, err := record.NewStore(e.Redis).Search(ctx, open, func(f record.Found) bool {
		ids = append(ids, f.ID)
		return len(ids) < heldMost
	})
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return []Finding{found("", "no task is held because it does not open")}, nil
	}
	return []Finding{
		found("", "%d tasks are held because what is recorded of them does not open: %s", len(ids), list(ids)).
			but(Loses, "dyplsq explain "+ids[0]+" names the key: give it to every process (dyplsq keys status); the tasks fail when their time is over"),
	}, nil
}

// numbers counts the inventories.
func (e *examination) numbers(ctx context.Context) ([]Finding, error) {
	numbers := inventory.New(e.Redis, inventory.DefaultCooldown).WithKeys(e.Keys)
	pools, err := numbers.Pools(ctx)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, pool := range pools {
		n, err := numbers.Counts(ctx, pool)
		if err != nil {
			return nil, err
		}
		if n.Total() == 0 {
			continue
		}
		f := found(
			"",
			"%s: %d free, %d resting, %d in use, %d set aside or leaving, of %d",
			pool,
			n.Free,
			n.Resting,
			n.Leased+n.Bound,
			n.Aside+n.Leaving,
			n.Total(),
		)
		switch remedy := "dyplsq numbers import " + pool + " FILE, or unbind what is needed no longer"; {
		case n.Free == 0:
			f.Found += ": binds of this pool fail as Exhausted"
			f = f.but(Warning, remedy)
		case n.Free*nearEmpty < n.Total():
			f.Found += ": nearly empty"
			f = f.but(Warning, remedy)
		}
		findings = append(findings, f)
		sealed, err := e.sealed(ctx, numbers, pool)
		if err != nil {
			return nil, err
		}
		findings = append(findings, sealed...)
	}
	if findings == nil {
		findings = []Finding{
			found(
				"",
				"no pool has an inventory: binds that name no X cannot be looked up when their answer is lost",
			),
		}
	}
	return findings, nil
}

// sealed tells what is wrong with the form in which a pool's numbers stand in Redis.
func (e *examination) sealed(
	ctx context.Context,
	numbers *inventory.Inventory,
	pool string,
) (findings []Finding, err error) {
	n, err := numbers.Check(ctx, pool)
	if err != nil {
		return nil, err
	}
	if n.Unreadable > 0 {
		f := found("", "%s: %d of %d sealed numbers do not open, and binds that are given one wait: %v", pool, n.Unreadable, n.Checked, n.First)
		findings = append(findings, f.but(Warning, "give every process all keys; where they are there: dyplsq numbers import "+pool+" FILE"))
	}
	if n.InClear > 0 && e.Keys.Seals() {
		f := found("", "%s: %d numbers stand in clear, although there are keys", pool, n.InClear)
		findings = append(findings, f.but(Warning, "dyplsq keys rotate, once every process has the keys"))
	}
	return findings, nil
}
