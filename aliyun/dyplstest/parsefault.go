package dyplstest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errFaultShape = errors.New(
	`must be key=value pairs, separated by blanks: write it like "action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1"`,
)

const faultKeys = "name, action, rate, first, times, do, code, message, status, body, delay, performed, or a parameter of the API such as PhoneNoA"

// ParseFault reads a rule from text, such as
//
//	action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1
//	action=BindAxn PhoneNoA=15000000000 do=drop-after times=3
//
// The keys are the fields of [Fault] in small letters; a key that starts with a capital letter is a
// parameter of the API to match. A value with blanks stands in double quotes. The error names the
// key, the rule and the remedy.
func ParseFault(text string) (Fault, error) {
	f, err := parseFault(text)
	if err == nil {
		err = f.withDefaults().validate()
	}
	if err != nil {
		return Fault{}, fmt.Errorf("fault: %w", err)
	}
	return f, nil
}

func parseFault(text string) (Fault, error) {
	var f Fault
	seen := map[string]bool{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		key, value, after, err := nextPair(rest)
		if err != nil {
			return f, err
		}
		if seen[key] {
			return f, fmt.Errorf("%s is given twice: keep one", key)
		}
		seen[key], rest = true, after
		if err := setKey(&f, key, value); err != nil {
			return f, err
		}
	}
	if len(seen) == 0 {
		return f, errFaultShape
	}
	return f, nil
}

// nextPair takes key=value, or key="a value", from the front of a text.
func nextPair(text string) (key, value, rest string, err error) {
	key, rest, found := strings.Cut(text, "=")
	if !found || key == "" || strings.ContainsAny(key, " \t\n\"") {
		return "", "", "", errFaultShape
	}
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexAny(rest, " \t\n")
		if end < 0 {
			end = len(rest)
		}
		return key, rest[:end], rest[end:], nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", "", "", fmt.Errorf("%s has an opening quote and no closing one: close it", key)
	}
	value, err = strconv.Unquote(quoted)
	return key, value, rest[len(quoted):], err
}

// setKey gives a field its value.
func setKey(f *Fault, key, value string) (err error) {
	if key[0] >= 'A' && key[0] <= 'Z' {
		if f.Match == nil {
			f.Match = map[string]string{}
		}
		f.Match[key] = value
		return nil
	}
	texts := map[string]*string{
		"name":    &f.Name,
		"action":  &f.Action,
		"do":      (*string)(&f.Do),
		"code":    &f.Code,
		"message": &f.Message,
		"body":    &f.Body,
	}
	counts := map[string]*int{"first": &f.First, "times": &f.Times, "status": &f.Status}
	remedy := "write a whole number, such as 3"
	switch {
	case texts[key] != nil:
		*texts[key] = value
	case counts[key] != nil:
		*counts[key], err = strconv.Atoi(value)
	case key == "rate":
		f.Rate, err = strconv.ParseFloat(value, 64)
		remedy = "write a share, such as 0.05"
	case key == "delay":
		f.Delay, err = time.ParseDuration(value)
		remedy = "write a duration, such as 2s"
	case key == "performed":
		f.Performed, err = strconv.ParseBool(value)
		remedy = "write true or false"
	default:
		return fmt.Errorf("%s is not a key: take one of %s", key, faultKeys)
	}
	if err != nil {
		return fmt.Errorf("%s has a value that cannot be read: %s", key, remedy)
	}
	return nil
}

// String returns the rule as [ParseFault] reads it.
func (f Fault) String() string {
	var pairs []string
	add := func(key, value string, given bool) {
		if !given {
			return
		}
		if value == "" ||
			strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' }) {
			value = strconv.Quote(value)
		}
		pairs = append(pairs, key+"="+value)
	}
	text := func(key, value string) { add(key, value, value != "") }
	count := func(key string, n int) { add(key, strconv.Itoa(n), n != 0) }
	text("name", f.Name)
	text("action", f.Action)
	for _, name := range slices.Sorted(maps.Keys(f.Match)) {
		add(name, f.Match[name], true)
	}
	add("rate", strconv.FormatFloat(f.Rate, 'g', -1, 64), f.Rate != 0)
	count("first", f.First)
	count("times", f.Times)
	text("do", string(f.Do))
	text("code", f.Code)
	add("message", f.Message, f.Message != "" && f.Message != f.Code)
	count("status", f.Status)
	text("body", f.Body)
	add("delay", f.Delay.String(), f.Delay != 0)
	add("performed", "true", f.Performed)
	return strings.Join(pairs, " ")
}
