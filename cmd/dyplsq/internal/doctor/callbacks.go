package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Callbacks are who is told of tasks and calls. A nil function leaves the check out.
type Callbacks struct {
	// Refused is what is wrong with the file of endpoints, and Exposed the file whose secrets
	// others on this machine may use.
	Refused error
	Exposed string
	// Standing is how endpoints stand.
	Standing func(context.Context) ([]CallbackEndpoint, error)
}

// CallbackEndpoint is how an endpoint stands.
type CallbackEndpoint struct {
	Name                   string
	Disabled               bool
	Pending, Failing, Dead int64
	Oldest                 time.Time // the event that has waited longest
	LastError              string
}

// toldWithin is within what time an endpoint that works is told.
const toldWithin = 10 * time.Minute

// callbacks looks whether endpoints are told, and reads their file.
func (e *examination) callbacks(ctx context.Context) (findings []Finding, _ error) {
	c := e.Callbacks
	switch {
	case c.Refused != nil:
		findings = append(findings, found("", "the endpoints of callbacks are refused: %s",
			strings.ReplaceAll(c.Refused.Error(), "\n", "; ")).but(Warning, "mend the file; until then the endpoints of before are told"))
	case c.Exposed != "":
		findings = append(findings, found("", "others on this machine may use the secrets of callbacks in %s", c.Exposed).
			but(Warning, "give it to the server's user alone: chmod 600"))
	}
	if c.Standing == nil {
		return findings, nil
	}
	all, err := c.Standing(ctx)
	if err != nil {
		return findings, err
	}
	for _, endpoint := range all {
		findings = append(findings, endpoint.finding(e.Now()))
	}
	return findings, nil
}

func (c CallbackEndpoint) finding(now time.Time) Finding {
	age := now.Sub(c.Oldest).Round(time.Second)
	f := found("", "endpoint %s: %d callbacks wait, %d of them have failed, %d were given up",
		c.Name, c.Pending+c.Failing, c.Failing, c.Dead)
	switch late := !c.Oldest.IsZero() && age > toldWithin; {
	case c.Disabled:
		f.Found += "; it answered 410, and is told nothing"
		return f.but(Warning, "dyplsq callbacks enable "+c.Name+", or take it out of the file; what waits is kept for 7 days")
	case c.Dead > 0:
		return f.but(Warning, "mend the receiver, then: dyplsq callbacks replay "+c.Name+" --since 24h")
	case late && c.LastError != "" && c.Failing > 0:
		f.Found += fmt.Sprintf("; the first has waited for %s, and the last failure was: %s", age, c.LastError)
		return f.but(Warning, "mend the receiver, and try it: dyplsq callbacks test "+c.Name)
	case late:
		f.Found += fmt.Sprintf("; the first has waited for %s", age)
		return f.but(Warning, "start dyplsq serve with --callbacks")
	}
	return f
}
