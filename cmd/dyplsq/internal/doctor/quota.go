package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Quotas is what is known of ceilings on calls.
type Quotas struct {
	// Wanted are the ceilings of this machine's environment, by the name of the variable.
	Wanted map[string]string
	// Kept tells whether workers of this version keep to ceilings.
	Kept bool
	// Published is the API's quota of an action, in calls a second; nil where none is known.
	Published func(action string) (perSecond int, published bool)
}

// quota reads what the workers share of the quotas. An action that nobody has called for some
// minutes is forgotten.
func (e *examination) quota(ctx context.Context) ([]Finding, error) {
	q := e.Quotas
	if len(q.Wanted) > 0 && !q.Kept {
		return []Finding{
			found(
				"",
				"this version sets no ceiling on calls: %s has no effect",
				strings.Join(slices.Sorted(maps.Keys(q.Wanted)), ", "),
			).
				but(Warning, "unset it, or lower DYPLSQ_CONCURRENCY"),
		}, nil
	}
	known, err := presence.Read(ctx, e.Redis)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, account := range accountNames(known.Known) {
		f, err := e.quotaOf(ctx, account)
		if err != nil {
			return nil, err
		}
		if account != tasks.DefaultAccount {
			f.Found = "account " + account + ": " + f.Found
		}
		findings = append(findings, f)
	}
	return findings, nil
}

// accountNames are those that workers perform, and the default one in any case.
func accountNames(known []string) []string {
	names := append(
		[]string{tasks.DefaultAccount},
		slices.DeleteFunc(
			slices.Clone(known),
			func(name string) bool { return name == tasks.DefaultAccount },
		)...)
	slices.Sort(names[1:])
	return names
}

func (e *examination) quotaOf(ctx context.Context, account string) (Finding, error) {
	q := e.Quotas
	kinds := tasks.Kinds()
	actions := make([]string, len(kinds))
	for i, kind := range kinds {
		actions[i] = kind.Action()
	}
	known, err := quota.Read(ctx, e.Redis, account, actions...)
	if err != nil {
		return Finding{}, err
	}
	var rates, throttled []string
	for _, k := range known {
		rates = append(rates, fmt.Sprintf("%s %.0f/s%s", k.Action, k.Rate, q.ceiling(k.Action)))
		if k.Throttled {
			throttled = append(throttled, k.Action)
		}
	}
	f := found("", "%s", strings.Join(rates, ", "))
	if len(rates) == 0 {
		f.Found = "no budget is in use"
	}
	if len(throttled) > 0 {
		f.Found += "; throttled now: " + strings.Join(throttled, ", ")
		f = f.but(
			Warning,
			"it opens by itself; lower DYPLSQ_QPS_..., or have the account's quota raised, where it recurs",
		)
	}
	return f, nil
}

// ceiling is what bounds an action's rate, in brackets.
func (q Quotas) ceiling(action string) string {
	for name, value := range q.Wanted {
		if strings.HasSuffix(name, "_"+strings.ToUpper(action)) {
			return " (at most " + value + ", " + name + ")"
		}
	}
	if q.Published != nil {
		if n, published := q.Published(action); published {
			return fmt.Sprintf(" (published quota %d)", n)
		}
	}
	return ""
}
