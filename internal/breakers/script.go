package breakers

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Verdict is what is said to one who asks for a probe.
type Verdict string

// Verdicts.
const (
	Closed Verdict = "closed" // nothing is held
	Probe  Verdict = "probe"  // it is the one who finds out
	Held   Verdict = "held"   // no probe may go yet, or another one is under way
)

// keptUnprobed is how long a scope stands that nobody probes: none of its calls waits any more.
const keptUnprobed = 24 * time.Hour

var (
	//go:embed lua/trip.lua
	tripLua string
	//go:embed lua/probe.lua
	probeLua string
	//go:embed lua/yield.lua
	yieldLua string
	//go:embed lua/close.lua
	closeLua string

	tripScript  = redis.NewScript(tripLua)
	probeScript = redis.NewScript(probeLua)
	yieldScript = redis.NewScript(yieldLua)
	closeScript = redis.NewScript(closeLua)
)

// Store keeps which calls of an account are held.
type Store struct {
	client       redis.UniversalClient
	account      string
	key, channel string
}

// NewStore returns an account's.
func NewStore(client redis.UniversalClient, account string) Store {
	return Store{client: client, account: account, key: Key(account), channel: Channel(client)}
}

// Channel is the one on which the workers of a client's database tell one another that a scope was
// opened, closed or probed in vain.
func Channel(client redis.UniversalClient) string {
	return record.InDatabase(client, "dypls:breaker")
}

// Read returns the scopes that are open, see [Read].
func (s Store) Read(ctx context.Context) ([]Open, error) { return Read(ctx, s.client, s.account) }

// Probe asks that run may be the one that finds out about a scope. wait is how long it is held.
func (s Store) Probe(
	ctx context.Context,
	scope, run string,
	lease, longest time.Duration,
) (v Verdict, wait time.Duration, err error) {
	keys, leaseMs := []string{s.key}, lease.Milliseconds()
	reply, err := probeScript.Run(ctx, s.client, keys, scope, run, leaseMs, longest.Milliseconds()).
		Slice()
	if err != nil {
		return "", 0, fmt.Errorf("breaker: probe: %w", err)
	}
	const fields = 2
	if len(reply) != fields {
		return "", 0, fmt.Errorf("breaker: probe: unexpected reply of %d fields", len(reply))
	}
	text, _ := reply[0].(string)
	millis, _ := reply[1].(int64)
	return Verdict(text), time.Duration(millis) * time.Millisecond, nil
}

// Trip opens a scope, or notes that its probe was denied. wait is how long it stays open at least,
// between first and longest.
func (s Store) Trip(
	ctx context.Context,
	scope, code, run string,
	first, longest time.Duration,
) (opened bool, wait time.Duration, err error) {
	reply, err := tripScript.Run(ctx, s.client, []string{s.key}, scope, run, code,
		first.Milliseconds(), longest.Milliseconds(), s.channel, keptUnprobed.Milliseconds()).Int64Slice()
	if err != nil {
		return false, 0, fmt.Errorf("breaker: trip: %w", err)
	}
	const fields = 2
	if len(reply) != fields {
		return false, 0, fmt.Errorf("breaker: trip: unexpected reply of %d fields", len(reply))
	}
	return reply[0] == 1, time.Duration(reply[1]) * time.Millisecond, nil
}

// Close lets everything of a scope go again, and returns how long it was open. It reports whether
// it was.
func (s Store) Close(
	ctx context.Context,
	scope string,
) (after time.Duration, wasOpen bool, err error) {
	millis, err := closeScript.Run(ctx, s.client, []string{s.key}, scope, s.channel).Int64()
	if err != nil {
		return 0, false, fmt.Errorf("breaker: close: %w", err)
	}
	return time.Duration(millis) * time.Millisecond, millis >= 0, nil
}

// Yield gives up run's probe of a scope, which has shown nothing. Another may go in again.
func (s Store) Yield(ctx context.Context, scope, run string, again time.Duration) error {
	if err := yieldScript.Run(ctx, s.client, []string{s.key}, scope, run, again.Milliseconds()).
		Err(); err != nil {
		return fmt.Errorf("breaker: yield: %w", err)
	}
	return nil
}
