package dypls

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SpaceProblem finds white space in an identifier, the invisible kinds that copying and pasting
// brings along included: no identifier has any, and the API, Redis and receipts take it for another
// one.
func SpaceProblem(field, identifier string) (Problem, bool) {
	first := strings.IndexFunc(identifier, isSpace)
	if first < 0 {
		return Problem{}, false
	}
	where := "within it"
	switch {
	case first == 0:
		where = "in front of it"
	case strings.IndexFunc(strings.TrimRightFunc(identifier, isSpace), isSpace) < 0:
		where = "behind it"
	}
	remedy := "remove the space " + where
	hidden := func(r rune) bool { return isSpace(r) && r > unicode.MaxASCII }
	if at := strings.IndexFunc(identifier, hidden); at >= 0 {
		r, _ := utf8.DecodeRuneInString(identifier[at:])
		remedy += fmt.Sprintf(" (U+%04X, which hardly shows)", r)
	}
	return Problem{Field: field, Rule: "must not contain white space", Remedy: remedy}, true
}

// remedyOf says what makes a number of a text that is none: white space that hardly shows, or the
// width of its digits, may be all that is wrong.
func remedyOf(number Phone, valid func(string) bool) string {
	if p, found := SpaceProblem("", string(number)); found && valid(withoutSpace(string(number))) {
		return p.Remedy
	}
	if half := inHalfWidth(string(number)); half != string(number) && valid(half) {
		return "write its digits as 0 to 9, in half width"
	}
	return "write it without +86, hyphens and spaces"
}

// isSpace reports whether a character is white space: of any width, zero included.
func isSpace(r rune) bool {
	if r <= unicode.MaxASCII {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if isSpace(r) {
			return -1
		}
		return r
	}, s)
}
