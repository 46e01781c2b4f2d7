package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
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

// quota reads the budgets that the workers share: dypls:quota:{account:action}, a hash with the rate, and in fell when it was
// closed by a throttled call. One that nobody has used for some minutes is forgotten.
func (e *examination) quota(ctx context.Context) ([]Finding, error) {
	q := e.Quotas
	if len(q.Wanted) > 0 && !q.Kept {
		return []Finding{found("", "this version sets no ceiling on calls: %s has no effect", strings.Join(slices.Sorted(maps.Keys(q.Wanted)), ", ")).
			but(Warning, "unset it, or lower DYPLSQ_CONCURRENCY")}, nil
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
	names := append([]string{tasks.DefaultAccount}, slices.DeleteFunc(slices.Clone(known), func(name string) bool { return name == tasks.DefaultAccount })...)
	slices.Sort(names[1:])
	return names
}

func (e *examination) quotaOf(ctx context.Context, account string) (Finding, error) {
	q := e.Quotas
	kinds := tasks.Kinds()
	budgets := make([]*redis.SliceCmd, len(kinds))
	_, err := e.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, kind := range kinds {
			budgets[i] = p.HMGet(ctx, "dypls:quota:{"+account+":"+kind.Action()+"}", "rate", "fell")
		}
		return nil
	})
	if err != nil {
		return Finding{}, err
	}
	var rates, closed []string
	for i, kind := range kinds {
		text, _ := budgets[i].Val()[0].(string)
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		rates = append(rates, fmt.Sprintf("%s %.0f/s%s", kind.Action(), rate, q.ceiling(kind.Action())))
		if fell, _ := budgets[i].Val()[1].(string); fell != "" && fell != "0" {
			closed = append(closed, kind.Action())
		}
	}
	f := found("", "%s", strings.Join(rates, ", "))
	if len(rates) == 0 {
		f.Found = "no budget is in use"
	}
	if len(closed) > 0 {
		f.Found += "; throttled now: " + strings.Join(closed, ", ")
		f = f.but(Warning, "it opens by itself; lower DYPLSQ_QPS_..., or have the account's quota raised, where it recurs")
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
