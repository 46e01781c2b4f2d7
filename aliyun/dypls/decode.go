package dypls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// DecodeRequest reads one JSON object strictly, under the API's own parameter names: an unknown or repeated name,
// a value of the wrong type and anything after the object are problems, and all of them are reported at once,
// as a *[ValidationError], together with what [Request.Validate] says of the rest. An object that reads well is not validated.
//
// Members that belong to another than the API may stand beside its own: name them as extra.
func DecodeRequest[Req Request](data []byte, extra ...Extra) (Req, error) {
	var req Req
	members, problems := membersOf(data)
	if len(problems) > 0 && members == nil {
		return req, &ValidationError{Problems: problems}
	}
	targets := targetsOf(reflect.ValueOf(&req).Elem(), extra)
	for _, m := range members {
		target, known := targets[m.name]
		if !known {
			problems = append(problems, unknownField(m.name, targets))
			continue
		}
		if err := json.Unmarshal(m.value, target.Interface()); err != nil {
			problems = append(problems, wrongType(m.name, target.Type(), err))
		}
	}
	if len(problems) > 0 {
		return req, &ValidationError{Problems: append(problems, restOf(validate(req), problems)...)}
	}
	return req, nil
}

// restOf returns what is wrong with a request beside the parameters that could not be read.
func restOf(err error, unread []Problem) []Problem {
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(invalid.Problems, func(p Problem) bool {
		return slices.ContainsFunc(unread, func(u Problem) bool { return u.Field == p.Field || u.Meant == p.Field })
	})
}

// Extra is a member of the object that is not a parameter of the API.
type Extra struct {
	Name string
	Into any // a pointer
}

type member struct {
	name  string
	value json.RawMessage
}

// membersOf splits an object into its members, in their order.
func membersOf(data []byte) ([]member, []Problem) {
	notAnObject := []Problem{{Rule: "the input must be one JSON object of the API's parameters", Remedy: `write {"PoolKey":"FC...", ...}`}}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, notAnObject
	}
	members := []member{}
	var problems []Problem
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		var value json.RawMessage
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return nil, notAnObject
		}
		if seen[name] {
			problems = append(problems, Problem{Field: quoteName(name), Rule: "is given twice", Remedy: "keep one"})
		}
		seen[name] = true
		members = append(members, member{name, value})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notAnObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, []Problem{{Rule: "there is something after the JSON object", Remedy: "write one object a line"}}
	}
	return members, problems
}

// targetsOf returns, under the API's names, pointers to a request's fields, and those of extra.
func targetsOf(request reflect.Value, extra []Extra) map[string]reflect.Value {
	targets := map[string]reflect.Value{}
	for field, value := range request.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			targets[name] = value.Addr()
		}
	}
	for _, e := range extra {
		targets[e.Name] = reflect.ValueOf(e.Into)
	}
	return targets
}

func wrongType(name string, t reflect.Type, err error) Problem {
	if errors.Is(err, errTimeFormat) {
		return Problem{Field: name, Rule: errTimeFormat.Error()}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return Problem{Field: name, Rule: "must be true or false", Remedy: "write it without quotes"}
	case reflect.Int:
		return Problem{Field: name, Rule: "must be an integer", Remedy: "write it without quotes"}
	default:
		return Problem{Field: name, Rule: "must be a JSON string", Remedy: "put it in quotes"}
	}
}

// unknownField names the nearest known name, so that a slip of the pen is mended at once.
func unknownField(name string, targets map[string]reflect.Value) Problem {
	nearest, best, bestEnding := "", len(name)/2+2, 0
	for known := range targets {
		distance, ending := editDistance(strings.ToLower(name), strings.ToLower(known)), commonEnding(name, known)
		// The ending tells PhoneNoA, PhoneNoB and PhoneNoX apart: no slip may lead from one to another.
		if distance < best || distance == best && nearest != "" && (ending > bestEnding || ending == bestEnding && known < nearest) {
			nearest, best, bestEnding = known, distance, ending
		}
	}
	p := Problem{Field: quoteName(name), Rule: "is not a parameter of this action", Remedy: "remove it"}
	if nearest != "" {
		p.Remedy, p.Meant = "did you mean "+nearest+"?", nearest
	}
	return p
}

// quoteName makes a name from outside fit to be shown: it may be anything, a number included.
func quoteName(name string) string {
	const most = 40
	name = Scrub(name)
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "..."
	}
	return Scrub(fmt.Sprintf("%q", name)) // quoted first: an escape may join its digits to those that follow
}

// commonEnding counts the letters in which a and b end alike.
func commonEnding(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// editDistance counts the insertions, deletions and replacements that turn a into b (Levenshtein).
func editDistance(a, b string) int {
	const most = 64 // of a name; a longer one is near to nothing
	if len(a) > most {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
