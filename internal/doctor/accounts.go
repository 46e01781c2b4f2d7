package doctor

import (
	"context"
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// accounts tells which accounts the running workers perform, and for which tasks are held because one does not know them.
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
	return findings, nil
}
