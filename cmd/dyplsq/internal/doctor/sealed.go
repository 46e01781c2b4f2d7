package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/reseal"
)

// sampleMost is how many keys of Redis are looked at for sealed values.
const sampleMost = 2000

// seals looks, in a sample, whether Redis holds values that do not open here.
func (e *examination) seals(ctx context.Context) ([]Finding, error) {
	sample, err := reseal.Tally(ctx, reseal.Config{Redis: e.Redis, Keys: e.Keys, Most: sampleMost})
	if err != nil {
		return nil, err
	}
	known := e.Keys.IDs()
	missing := slices.DeleteFunc(sample.IDs(), func(id string) bool {
		return slices.Contains(known, id)
	})
	switch {
	case len(missing) > 0:
		return []Finding{found("", "Redis holds values that are sealed by keys that are missing here: %s", strings.Join(missing, ", ")).
			but(Warning, "give this process the file of keys that has them (DYPLSQ_KEYS_FILE), or the command that prints them; "+
				"until then it holds what they have sealed")}, nil
	case !e.Keys.On():
		return nil, nil
	case !e.Keys.Seals():
		return []Finding{found("", "%d keys open what is sealed; none seals until dyplsq keys activate", len(known))}, nil
	}
	f := found("", "%s seals, of %d keys", sample.Active, len(known))
	var older []string
	for _, id := range sample.IDs() {
		if id != sample.Active {
			older = append(older, id)
		}
	}
	if n := sample.Clear(); n > 0 {
		older = append(older, fmt.Sprintf("none (%d values in a sample)", n))
	}
	if older != nil {
		f.Found += "; some values are sealed by " + strings.Join(older, ", ") + ", until dyplsq keys rotate seals them anew"
	}
	return []Finding{f}, nil
}
