package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// unread is how long nobody asks for a group's outcomes before it counts as one that nobody reads:
// they are kept for no longer by default.
const unread = 24 * time.Hour

// groups are those who follow or collect outcomes. One that nobody reads any more costs memory for
// what it was given, and misses what is told.
func (e *examination) groups(ctx context.Context) ([]Finding, error) {
	groups, err := e.queue.Groups(ctx)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, nil
	}
	var behind, remedies []string
	for _, g := range groups {
		if g.Idle >= 0 && g.Idle < unread || g.Pending == 0 && g.Lag == 0 {
			continue
		}
		since := "ever"
		if g.Idle >= 0 {
			since = "for " + g.Idle.Round(time.Hour).String()
		}
		behind = append(behind, fmt.Sprintf("%q, which nobody has read %s, holds %d outcomes", g.Group, since, g.Pending))
		remedies = append(remedies, fmt.Sprintf("dyplsq follow --group %s --remove", g.Group))
	}
	f := found("", "%d groups follow or collect outcomes", len(groups))
	if behind != nil {
		f.Found += "; " + strings.Join(behind, "; ")
		f = f.but(Warning, "start who reads it, or forget it: "+strings.Join(remedies, "; "))
	}
	return []Finding{f}, nil
}
