package doctor

import (
	"context"
	"strings"
)

// Tokens are those of the HTTP API.
type Tokens struct {
	File    string // "" where none is given: the check is left out
	Refused error  // what is wrong with it
	Count   int
	Exposed bool // others on this machine may read or write it
}

// tokens looks whether serve could read its tokens.
func (e *examination) tokens(context.Context) ([]Finding, error) {
	t := e.Tokens
	switch {
	case t.File == "":
		return nil, nil
	case t.Refused != nil:
		return []Finding{found("", "the tokens of the HTTP API are refused: %s",
			strings.ReplaceAll(t.Refused.Error(), "\n", "; ")).
			but(Warning, "mend the file, or give it to the server's user; until then dyplsq serve does not start, "+
				"and one that runs takes the tokens of before")}, nil //nolint:nilerr // it is what was found
	}
	f := found("", "%d tokens of the HTTP API in %s", t.Count, t.File)
	if t.Exposed {
		f.Found += ", which others on this machine may read or write"
		return []Finding{f.but(Warning, "give it to the server's user alone: chmod 600")}, nil
	}
	return []Finding{f}, nil
}
