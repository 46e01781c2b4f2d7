package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// agreement: the running workers should have the same settings where they share what those are
// about.
func (e *examination) agreement(ctx context.Context) ([]Finding, error) {
	workers, err := presence.Workers(ctx, e.Redis)
	if err != nil {
		return nil, err
	}
	variables := map[string]bool{}
	for _, w := range workers {
		for variable := range w.Settings {
			variables[variable] = true
		}
	}
	var findings []Finding
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		had := map[string][]string{}
		for _, w := range workers {
			value := cmp.Or(w.Settings[variable], "not set")
			had[value] = append(had[value], w.Name)
		}
		during := setting.WhileDiffering(variable)
		if len(had) < 2 || during == "" { // of a newer version, which may know better
			continue
		}
		findings = append(
			findings,
			found("", "workers differ in %s: %s; while they do, %s", variable, whoHas(had), during).
				but(Warning, "give all workers the same "+variable+", and restart those that have another; one that ended without a word is named for a minute"),
		)
	}
	switch {
	case len(findings) > 0:
		return findings, nil
	case len(workers) == 0:
		return []Finding{found("", "no worker has told its settings")}, nil
	}
	return []Finding{found("", "%d workers have the same settings where they must", len(workers))}, nil
}

// whoHas names each value, the most common first, and some of the workers that have it.
func whoHas(had map[string][]string) string {
	values := slices.SortedFunc(maps.Keys(had), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(had[b]), len(had[a])), strings.Compare(a, b))
	})
	for i, value := range values {
		names := had[value]
		slices.Sort(names)
		values[i] = fmt.Sprintf("%s (%s)", value, list(names))
	}
	return strings.Join(values, ", ")
}
