package httpapi

import (
	"strconv"
	"strings"
)

// entry is a place in a stream of Redis: milliseconds, and a number.
type entry struct{ at, n uint64 }

// parseEntry reads one that Redis wrote; what is none is the place before all.
func parseEntry(text string) entry {
	e, _ := entryIn(text)
	return e
}

func entryIn(text string) (entry, bool) {
	at, n, found := strings.Cut(text, "-")
	ms, atErr := strconv.ParseUint(at, 10, 64)
	number, nErr := strconv.ParseUint(n, 10, 64)
	if !found || atErr != nil || nErr != nil {
		return entry{}, false
	}
	return entry{ms, number}, true
}

func (e entry) before(other entry) bool {
	return e.at < other.at || e.at == other.at && e.n < other.n
}

// String writes it as Redis does.
func (e entry) String() string {
	return strconv.FormatUint(e.at, 10) + "-" + strconv.FormatUint(e.n, 10)
}

// position is how far a stream of events was read: its id. Both streams stand in Redis, so that
// every server goes on with it.
type position struct{ outcomes, changes entry }

func (p position) String() string { return p.outcomes.String() + "_" + p.changes.String() }

func parsePosition(text string) (position, bool) {
	outcomes, changes, found := strings.Cut(text, "_")
	o, isOutcome := entryIn(outcomes)
	c, isChange := entryIn(changes)
	return position{o, c}, found && isOutcome && isChange
}
