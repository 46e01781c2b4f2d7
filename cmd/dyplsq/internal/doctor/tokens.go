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
	if e.Tokens.File == "" {
		return nil, nil
	}
	return []Finding{e.Tokens.finding()}, nil
}

func (t Tokens) finding() Finding {
	if t.Refused != nil {
		return found("", "the tokens of the HTTP API are refused: %s",
			strings.ReplaceAll(t.Refused.Error(), "\n", "; ")).
			but(Warning, "mend the file, or give it to the server's user; until then dyplsq serve does not start, "+
				"and one that runs takes the tokens of before")
	}
	f := found("", "%d tokens of the HTTP API in %s", t.Count, t.File)
	if t.Exposed {
		f.Found += ", which others on this machine may read or write"
		return f.but(Warning, "give it to the server's user alone: chmod 600")
	}
	return f
}
