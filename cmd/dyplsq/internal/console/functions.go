package console

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// functions are what the templates call. Each shows one kind of value the same way everywhere.
func functions(t texts, l language, now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"why":      func(e tasks.Explanation) string { return t.why(l, e) },
		"differed": func(d bulk.Differed) string { return t.differed(l, d) },
		"remedy":   func(e tasks.Explanation) string { return t.remedy(l, e) },
		"t":        t.say,    // a text by its key
		"tn":       t.count2, // a text about a number
		"word":     t.either, // a word of the system in the reader's language, or as it is
		"num":      anyNumber,
		"time":     timeElement,
		"age":      func(at time.Time) string { return t.age(at, now()) },
		"span":     t.span,
		"spanms":   func(ms int64) string { return t.milliseconds(float64(ms)) },
		"badge":    badgeOf,
		"link":     link,
		"static":   staticPath,
		"list":     func(values ...any) []any { return values },
	}
}

// count2 is count for whatever integer a template has.
func (t texts) count2(key string, n any) (string, error) {
	whole, err := integer(n)
	return t.count(key, whole), err
}

func integer(n any) (int64, error) {
	switch n := n.(type) {
	case int:
		return int64(n), nil
	case int64:
		return n, nil
	case int32:
		return int64(n), nil
	}
	return 0, fmt.Errorf("%T is no integer", n)
}

func anyNumber(n any) (string, error) {
	whole, err := integer(n)
	return number(whole), err
}

// number writes an integer with a comma before each three digits: 1,234,567.
func number(n int64) string {
	const group = 3
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - group; i > 0; i -= group {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// timeElement is a time in UTC, which the script writes anew in the reader's zone.
func timeElement(at time.Time) template.HTML {
	if at.IsZero() {
		return "–"
	}
	at = at.UTC()
	//nolint:gosec // digits and the separators of a layout
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339Nano) + `">` +
		at.Format("2006-01-02 15:04:05") + ` UTC</time>`)
}

// age is how long ago a time was, or how far ahead it is.
func (t texts) age(at, now time.Time) string {
	switch d := now.Sub(at).Round(time.Second); {
	case at.IsZero():
		return "–"
	case d >= time.Second:
		return t.say("common.ago", t.span(d))
	case d <= -time.Second:
		return t.say("common.in", t.span(-d))
	}
	return t.say("common.now")
}

// span is a duration in its two largest units.
func (t texts) span(d time.Duration) string {
	const day = 24 * time.Hour
	units := []struct {
		key string
		of  time.Duration
	}{
		{"common.days", day}, {"common.hours", time.Hour},
		{"common.minutes", time.Minute}, {"common.seconds", time.Second},
	}
	for i, unit := range units {
		if d < unit.of {
			continue
		}
		words := []string{t.say(unit.key, number(int64(d/unit.of)))}
		if rest := d % unit.of; i+1 < len(units) && rest >= units[i+1].of {
			words = append(words, t.say(units[i+1].key, number(int64(rest/units[i+1].of))))
		}
		return strings.Join(words, t["common.between"])
	}
	return t.say("common.ms", number(d.Milliseconds()))
}

// badgeOf is the colour of a state: good, bad, doubt, busy or quiet.
func badgeOf(state string) string {
	switch state {
	case "succeeded", "kept", "ok", "done":
		return "good"
	case "failed", "lost", "failing", "denied":
		return "bad"
	case "uncertain", "late", "paused", "throttled", "held":
		return "doubt"
	case "calling", "looking", "active", "fetching", "pending":
		return "busy"
	}
	return "quiet"
}
