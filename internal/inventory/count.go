package inventory

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// State is where a number stands.
type State string

// The states. A number that several bindings share is Bound where one of them is.
const (
	Free State = "free"
	// Resting: nobody holds it, and its cooldown is not over; a shared one takes more of its kind.
	Resting State = "resting"
	OnLease State = "leased" // and nobody has said yet what came of the bind
	IsBound State = "bound"
	Aside   State = "aside"
	Leaving State = "leaving" // removed, and still needed
)

// idle is where free and resting numbers are counted: time alone makes one the other.
const idle State = "idle"

// Counts is how many numbers stand where.
type Counts struct {
	Free, Resting, Leased, Bound, Aside, Leaving int
}

// Total is all of them: what was imported and has not left.
func (c Counts) Total() int { return c.Free + c.Resting + c.Leased + c.Bound + c.Aside + c.Leaving }

// add takes in so many numbers of a state, of which so many have rested where they are idle.
func (c *Counts) add(s State, n, rested int) {
	switch s {
	case idle:
		c.Free += rested
		c.Resting += n - rested
	case OnLease:
		c.Leased += n
	case IsBound:
		c.Bound += n
	case Aside:
		c.Aside += n
	case Leaving:
		c.Leaving += n
	case Free, Resting: // are counted as idle
	}
}

// Stock is a pool's numbers, counted.
type Stock struct {
	Counts

	ByCity    map[string]Counts // "" is those whose city is not known
	Leases    int               // all that are held: several where an X is shared
	Unsettled int               // of these, without a word yet on what came of the bind
}

// Counts tells how many numbers of a pool stand where. The scripts keep the counts, so that however
// many numbers there are, none is read.
func (v *Inventory) Counts(ctx context.Context, pool string) (Stock, error) {
	reply, err := v.run(ctx, countScript, pool).Slice()
	if err != nil {
		return Stock{}, fmt.Errorf("inventory: count: %w", err)
	}
	stock, err := readStock(reply)
	if err != nil {
		return Stock{}, fmt.Errorf("inventory: count: %w", err)
	}
	return stock, nil
}

func readStock(reply []any) (Stock, error) {
	const leases, unsettled, first, each = 0, 1, 2, 3
	errReply := errors.New("unexpected reply of a script")
	if len(reply) < first || (len(reply)-first)%each != 0 {
		return Stock{}, errReply
	}
	stock := Stock{ByCity: map[string]Counts{}}
	for i, n := range map[int]*int{leases: &stock.Leases, unsettled: &stock.Unsettled} {
		count, ok := reply[i].(int64)
		if !ok {
			return Stock{}, errReply
		}
		*n = int(count)
	}
	for i := first; i < len(reply); i += each {
		place, ok1 := reply[i].(string)
		n, ok2 := reply[i+1].(int64)
		rested, ok3 := reply[i+2].(int64)
		state, city, ok4 := strings.Cut(place, "|")
		if !ok1 || !ok2 || !ok3 || !ok4 {
			return Stock{}, errReply
		}
		stock.add(State(state), int(n), int(rested))
		counts := stock.ByCity[city]
		counts.add(State(state), int(n), int(rested))
		stock.ByCity[city] = counts
	}
	return stock, nil
}
