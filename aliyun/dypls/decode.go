package dypls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// DecodeRequest reads one JSON object strictly, under the API's own parameter names: an unknown or repeated name,
// a value of the wrong type and anything after the object are problems, and all of them are reported at once,
// as a *[ValidationError]. It does not validate the request.
func DecodeRequest[Req Request](data []byte) (Req, error) {
	var req Req
	members, problems := membersOf(data)
	if len(problems) > 0 && members == nil {
		return req, &ValidationError{Problems: problems}
	}
	fields := fieldsOf(reflect.TypeFor[Req]())
	for _, m := range members {
		field, known := fields[m.name]
		if !known {
			problems = append(problems, unknownField(m.name, fields))
			continue
		}
		target := reflect.ValueOf(&req).Elem().FieldByIndex(field.Index)
		if err := json.Unmarshal(m.value, target.Addr().Interface()); err != nil {
			problems = append(problems, wrongType(m.name, field.Type, err))
		}
	}
	if len(problems) > 0 {
		return req, &ValidationError{Problems: problems}
	}
	return req, nil
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

// fieldsOf returns a request's fields under the API's names.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			fields[name] = field
		}
	}
	return fields
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
func unknownField(name string, fields map[string]reflect.StructField) Problem {
	nearest, best := "", len(name)/2+2
	for known := range fields {
		distance := editDistance(strings.ToLower(name), strings.ToLower(known))
		if distance < best || distance == best && known < nearest {
			nearest, best = known, distance
		}
	}
	p := Problem{Field: quoteName(name), Rule: "is not a parameter of this action", Remedy: "remove it"}
	if nearest != "" {
		p.Remedy = "did you mean " + nearest + "?"
	}
	return p
}

// quoteName makes a name from outside fit to be shown: it may be anything, a number included.
func quoteName(name string) string {
	const most = 40
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", Scrub(name))
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
