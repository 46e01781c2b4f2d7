package doctor

import (
	"context"
	"fmt"
)

const (
	noEviction = "noeviction"

	// fillingUp and full are parts of the memory that Redis may use, in percent.
	fillingUp, full = 75, 95
)

// eviction: a Redis that evicts keys when memory is short loses tasks and outcomes without a word.
func (e *examination) eviction(ctx context.Context) ([]Finding, error) {
	policy := e.info["maxmemory_policy"]
	if policy == "" {
		var err error
		if policy, err = e.setting(ctx, "maxmemory-policy"); err != nil {
			return nil, err
		}
	}
	const remedy = "set maxmemory-policy to noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf)"
	switch {
	case policy == "":
		return []Finding{
			found(
				"",
				"Redis does not tell its maxmemory-policy",
			).but(Warning, "make sure that it is noeviction"),
		}, nil
	case policy != noEviction:
		f := found(
			"",
			"maxmemory-policy is %s: tasks and outcomes vanish when memory is short; a worker refuses to start",
			policy,
		)
		if n := e.number("evicted_keys"); n > 0 {
			f.Found += fmt.Sprintf("; %d keys are gone already", n)
		}
		return []Finding{f.but(Loses, remedy)}, nil
	}
	return []Finding{found("", "maxmemory-policy is noeviction")}, nil
}

// memory: once it is full, nothing can be written down, the outcomes of calls that are out
// included.
func (e *examination) memory(context.Context) ([]Finding, error) {
	used, most, of := e.number("used_memory"), e.number("maxmemory"), "maxmemory"
	if most == 0 {
		most, of = e.number("total_system_memory"), "its machine's memory, no maxmemory is set"
	}
	if used == 0 || most == 0 {
		return []Finding{
			found(
				"",
				"Redis does not tell how much memory it has left",
			).but(Warning, "look where the instance is managed"),
		}, nil
	}
	percent := used * 100 / most
	f := found("", "%s used, %d %% of %s (%s)", size(used), percent, of, size(most))
	switch remedy := "give Redis more memory, or keep outcomes for less time (DYPLSQ_KEEP)"; {
	case percent >= full:
		f.Found += ": nothing can be enqueued soon, and outcomes wait in the workers' memory"
		return []Finding{f.but(Loses, remedy)}, nil
	case percent >= fillingUp:
		return []Finding{f.but(Warning, remedy)}, nil
	}
	return []Finding{f}, nil
}

func size(bytes int64) string {
	const step = 1024
	value, units := float64(bytes), []string{"bytes", "KiB", "MiB", "GiB"}
	unit := 0
	for value >= step && unit < len(units)-1 {
		value, unit = value/step, unit+1
	}
	return fmt.Sprintf("%.4g %s", value, units[unit])
}
