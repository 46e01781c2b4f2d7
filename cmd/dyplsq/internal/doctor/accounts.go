package doctor

import (
	"context"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// accounts tells which accounts the running workers perform, and for which tasks are held because
// one does not know them.
func (e *examination) accounts(ctx context.Context) ([]Finding, error) {
	now, err := presence.Read(ctx, e.Redis)
	if err != nil {
		return nil, err
	}
	slices.Sort(now.Known)
	findings := []Finding{found("", "performed: %s", list(now.Known))}
	if len(now.Known) == 0 {
		findings[0].Found = "no worker has told whose tasks it performs"
	}
	slices.Sort(now.Missing)
	for _, name := range now.Missing {
		remedy := "start a worker that knows it: dyplsq worker --account " + name + ", with a profile of that name in its credentials file"
		f := found("", "tasks of the account %s are held, which no worker knows", name)
		if slices.Contains(now.Known, name) {
			f.Found = "tasks of the account " + name + " wait longer than they must: some workers do not know it"
			remedy = "give every worker --account " + name
		}
		findings = append(findings, f.but(Warning, remedy))
	}
	mixed, err := e.keys(ctx)
	return append(findings, mixed...), err
}

// keys tells of accounts for which several access keys are in use: a rotation, or two installations
// that share a Redis.
func (e *examination) keys(ctx context.Context) ([]Finding, error) {
	used, err := presence.Keys(ctx, e.Redis)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for i := 0; i < len(used); {
		same := i + 1
		for same < len(used) && used[same].Account == used[i].Account {
			same++
		}
		if keys := used[i:same]; len(keys) > 1 {
			beside := keys[1].For // the oldest two
			f := found(
				"",
				"account %s: workers use %d access keys, side by side for %s",
				used[i].Account,
				len(keys),
				beside.Round(time.Second),
			)
			if beside > presence.Rotation {
				f.Found += ": their tasks mix, and each performs those of the others"
				f = f.but(
					Warning,
					"where these are two installations, give one a Redis or a database of its own, or its account a name (DYPLSQ_ACCOUNTS); "+
						"where keys were rotated, restart the workers that have the old one",
				)
			}
			findings = append(findings, f)
		}
		i = same
	}
	return findings, nil
}
