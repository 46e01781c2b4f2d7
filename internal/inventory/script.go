package inventory

import (
	"context"
	"embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// Scripts share how a number, a slot and a lease are read and written.
var (
	leaseScript   = script("number", "slot", "holding", "choose", "lease")
	boundScript   = script("number", "slot", "holding", "bound")
	updateScript  = script("number", "slot", "holding", "update")
	prolongScript = script("number", "slot", "holding", "prolong")
	unboundScript = script("number", "slot", "holding", "unbound")
	releaseScript = script("number", "slot", "holding", "release")
	forgetScript  = script("number", "slot", "holding", "forget")
	sweepScript   = script("number", "slot", "holding", "sweep")
	importScript  = script("number", "import")
	asideScript   = script("number", "slot", "holding", "aside")
	removeScript  = script("number", "remove")
	countScript   = script("number", "count")
	sealingScript = script("number", "sealing")
	sealScript    = script("number", "slot", "holding", "seal")
)

// script joins parts of one Lua program. A part that is missing would be missing in every process,
// so it panics at once.
func script(parts ...string) *redis.Script {
	var source []byte
	for _, part := range parts {
		text, err := sources.ReadFile("lua/" + part + ".lua")
		if err != nil {
			panic(err)
		}
		source = append(source, text...)
	}
	return redis.NewScript(string(source))
}

// keyNames are the keys of a pool, in the order of the scripts' KEYS.
var keyNames = [...]string{
	"numbers",
	"idle",
	"idle:city",
	"room",
	"leases",
	"until",
	"open",
	"subs",
	"slots",
	"rests",
	"extensions",
	"secret",
	"since",
	"counts",
	"cooldown",
	"sealed",
	"sealing",
}

const poolsKey = "dypls:pools"

// key is one key of a pool. The braces keep all of them in one slot of a cluster.
func key(pool, name string) string { return "dypls:{pool:" + pool + "}:" + name }

func keys(pool string) []string {
	all := make([]string, len(keyNames))
	for i, name := range keyNames {
		all[i] = key(pool, name)
	}
	return all
}

// verdict is the reply of a script that answers with one word.
func (v *Inventory) verdict(
	ctx context.Context,
	s *redis.Script,
	pool string,
	args ...any,
) (string, error) {
	return v.run(ctx, s, pool, args...).Text()
}

// counts is the reply of a script that answers with n numbers.
func (v *Inventory) counts(
	ctx context.Context,
	s *redis.Script,
	pool string,
	n int,
	args ...any,
) ([]int64, error) {
	counts, err := v.run(ctx, s, pool, args...).Int64Slice()
	if err == nil && len(counts) != n {
		return nil, fmt.Errorf("unexpected reply of a script: %d numbers, not %d", len(counts), n)
	}
	return counts, err
}
