// Package breakers keeps in Redis which calls of an account are held for all workers, and reads it
// for those who tell people. When a call is held, and who finds out whether it still has to be, is
// decided by worker/internal/breaker.
package breakers

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Scopes of calls that are held.
const (
	Account  = "account"  // everything, denied by the API
	Action   = "action:"  // and its name, denied by the API
	Pool     = "pool:"    // and its key, denied by the API
	Endpoint = "endpoint" // binds that could not be looked up: what answers is not the API
)

// Open is a scope whose calls are held.
type Open struct {
	Scope string
	Code  string        // of the answer that opened it
	Since time.Time     // by Redis' clock
	For   time.Duration // how long it has been open
	// until the next call may find out whether it still is; 0 or less where one may now
	Probe time.Duration
}

// Key is where an account's breakers stand: a hash of a scope and its state, see lua.
func Key(account string) string { return "dypls:breaker:{" + account + "}" }

var state = regexp.MustCompile(`^(\d+) \d+ \d+ \S+ (\d+) (\S+)$`)

// Read returns the scopes of an account that are open, in their order by name. It asks once.
func Read(ctx context.Context, client redis.Cmdable, account string) ([]Open, error) {
	var fields *redis.MapStringStringCmd
	var clock *redis.TimeCmd // what stands there is by Redis' clock
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		fields, clock = p.HGetAll(ctx, Key(account)), p.Time(ctx)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("breakers: %w", err)
	}
	open := make([]Open, 0, len(fields.Val()))
	for scope, text := range fields.Val() {
		m := state.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		since := millis(m[2])
		open = append(
			open,
			Open{
				Scope: scope,
				Code:  m[3],
				Since: since,
				For:   clock.Val().Sub(since),
				Probe: millis(m[1]).Sub(clock.Val()),
			},
		)
	}
	slices.SortFunc(open, func(a, b Open) int { return strings.Compare(a.Scope, b.Scope) })
	return open, nil
}

func millis(text string) time.Time {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(n)
}
