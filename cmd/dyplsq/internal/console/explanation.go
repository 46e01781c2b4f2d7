package console

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// why says in the reader's language why a task stands where it does.
func (t texts) why(l language, e tasks.Explanation) string {
	return t.explained(l, e.Why, "because", e.Reasons)
}

// remedy says what a person may do about it, "" for nothing.
func (t texts) remedy(l language, e tasks.Explanation) string {
	return t.explained(l, e.Remedy, "remedy", e.Remedies)
}

// explained is a sentence of an explanation, which says it in English, and in clauses for others.
func (t texts) explained(l language, inEnglish, prefix string, clauses []tasks.Clause) string {
	if inEnglish == "" {
		return ""
	}
	if l == english {
		first, size := utf8.DecodeRuneInString(inEnglish)
		return string(unicode.ToUpper(first)) + inEnglish[size:] + "."
	}
	said := make([]string, len(clauses))
	for i, c := range clauses {
		said[i] = t.clause(prefix, c)
	}
	sentence := strings.Join(said, "；")
	if sentence[len(sentence)-1] < utf8.RuneSelf {
		return sentence // a command, as it is to be typed
	}
	return sentence + "。"
}

func (t texts) clause(prefix string, c tasks.Clause) string {
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		values[i] = v
	}
	return t.say(prefix+"."+c.Name, values...)
}

// differed says in the reader's language why a task of a bulk change was left as it is.
func (t texts) differed(l language, d bulk.Differed) string {
	key := "differed." + string(d.What)
	switch {
	case l == english:
		return d.Why
	case d.What == bulk.Changed:
		return t.say(key, d.Is, d.Was)
	}
	return t.say(key)
}
