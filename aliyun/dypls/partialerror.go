package dypls

import (
	"fmt"
	"strings"
)

// PartialError is a batch that was answered with OK and of which a part was not done. The result
// that comes with it tells what became of each item. Only what failed may be sent again: the rest
// would be done twice.
type PartialError struct {
	Action string
	Total  int // items that were asked for
	// Items are those that failed, all of them at once where nothing was done.
	Items []ItemError
	// Unanswered is how many the answer says nothing of: they may have been done.
	Unanswered int
}

// ItemError is an item of a batch that failed.
type ItemError struct {
	Index int // in the result
	Err   *Error
}

// Error names each code with how many items have it.
func (e *PartialError) Error() string {
	var codes []string
	count := map[string]int{}
	for _, item := range e.Items {
		code := item.Err.Code + " (" + string(item.Err.Class) + ")"
		if count[code]++; count[code] == 1 {
			codes = append(codes, code)
		}
	}
	for i, code := range codes {
		codes[i] = fmt.Sprintf("%d %s", count[code], code)
	}
	if e.Unanswered > 0 {
		codes = append(codes, fmt.Sprintf("%d without an answer", e.Unanswered))
	}
	return fmt.Sprintf(
		"%s: %d of %d failed: %s",
		e.Action,
		len(e.Items)+e.Unanswered,
		e.Total,
		strings.Join(codes, ", "),
	)
}
