package callbacks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// MostEndpoints is how many endpoints there may be.
	MostEndpoints = 100
	// longestFile is more than that many endpoints need.
	longestFile = 1 << 20
)

// ReadFile reads endpoints from a file of JSON, {"endpoints":[{"name":...}]}. Members that it does
// not know, or that are given twice, are refused. The error tells of everything that is wrong, as a
// *[dypls.ValidationError] where the file could be read, and holds no secret.
func ReadFile(path string) ([]Endpoint, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("the file of endpoints cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, longestFile+1))
	if err != nil {
		return nil, fmt.Errorf("the file of endpoints cannot be read: %w", err)
	}
	return Parse(data)
}

// Parse reads what is in a file of endpoints, see [ReadFile].
func Parse(data []byte) ([]Endpoint, error) {
	endpoints, problems := parse(data)
	problems = append(problems, check(endpoints, problems)...)
	if problems != nil {
		return nil, &dypls.ValidationError{Problems: problems}
	}
	return endpoints, nil
}

func parse(data []byte) (endpoints []Endpoint, problems []dypls.Problem) {
	if len(data) > longestFile {
		return nil, []dypls.Problem{
			{Rule: "the file must have 1 MiB at most", Remedy: "leave out what is no endpoint"},
		}
	}
	if p, found := dypls.EncodingProblem(data); found {
		return nil, []dypls.Problem{p}
	}
	if err := json.Unmarshal(data, &json.RawMessage{}); err != nil {
		return nil, []dypls.Problem{{
			Rule: "the file must be JSON" + placeOf(data, err), Remedy: `write {"endpoints":[{"name":...}]}`,
		}}
	}
	var file struct {
		Endpoints []json.RawMessage `json:"endpoints"`
	}
	problems = decode(data, "", &file)
	if file.Endpoints == nil && problems == nil {
		problems = []dypls.Problem{
			{Field: "endpoints", Rule: "must be given", Remedy: `write {"endpoints":[{"name":...}]}`},
		}
	}
	for i, item := range file.Endpoints {
		var e Endpoint
		problems = append(problems, decode(item, placeAt(i), &e)...)
		endpoints = append(endpoints, e)
	}
	return endpoints, problems
}

func placeAt(i int) string { return fmt.Sprintf("endpoints[%d]", i) }

// check is what is wrong with endpoints beside what could not be read.
func check(endpoints []Endpoint, unread []dypls.Problem) (problems []dypls.Problem) {
	if len(endpoints) > MostEndpoints {
		problems = append(problems, dypls.Problem{
			Field:  "endpoints",
			Rule:   fmt.Sprintf("must be %d at most", MostEndpoints),
			Remedy: "have one application tell others",
		})
	}
	known := map[string]bool{}
	for i, e := range endpoints {
		for _, p := range e.problems(placeAt(i)) {
			if !slices.ContainsFunc(unread, func(u dypls.Problem) bool {
				return strings.HasPrefix(p.Field, u.Field)
			}) {
				problems = append(problems, p)
			}
		}
		if e.Name != "" && known[e.Name] {
			problems = append(problems, dypls.Problem{
				Field: placeAt(i) + ".name", Rule: "is another endpoint's, too",
				Remedy: "give each a name of its own",
			})
		}
		known[e.Name] = true
	}
	return problems
}

// placeOf says where JSON breaks off, by line: the text itself may be secret.
func placeOf(data []byte, err error) string {
	syntax, is := errors.AsType[*json.SyntaxError](err)
	if !is {
		return ""
	}
	at := min(max(syntax.Offset, 0), int64(len(data)))
	return fmt.Sprintf(", and breaks off in line %d", bytes.Count(data[:at], []byte("\n"))+1)
}

// decode reads an object strictly: each member by itself, so that all problems are told at once. No
// problem repeats a value.
func decode(data []byte, place string, into any) (problems []dypls.Problem) {
	within := func(name string) string {
		if place == "" {
			return name
		}
		return place + "." + name
	}
	fields := map[string]any{}
	for field, value := range reflect.ValueOf(into).Elem().Fields() {
		fields[field.Tag.Get("json")] = value.Addr().Interface()
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return []dypls.Problem{
			{Field: place, Rule: "must be a JSON object", Remedy: "write it in braces"},
		}
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		var value json.RawMessage
		// it is valid as a whole, so this does not happen
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return append(
				problems,
				dypls.Problem{Field: place, Rule: "must be a JSON object", Remedy: "write it in braces"},
			)
		}
		field, known := fields[name]
		switch {
		case !known:
			problems = append(problems, dypls.Problem{
				Field: within(shown(name)), Rule: "is not known", Remedy: "remove it: docs/callbacks.md lists what there is",
			})
		case seen[name]:
			problems = append(
				problems, dypls.Problem{Field: within(name), Rule: "is given twice", Remedy: "keep one"},
			)
		case bytes.Equal(value, []byte("null")) || json.Unmarshal(value, field) != nil:
			rule, remedy := typeRule(field)
			problems = append(problems, dypls.Problem{Field: within(name), Rule: rule, Remedy: remedy})
		}
		seen[name] = true
	}
	return problems
}

// shown is a name from outside, which may be a secret in the wrong place.
func shown(name string) string {
	const most = 20
	name = dypls.Scrub(name)
	if len(name) > most || strings.HasPrefix(name, secretPrefix) {
		return "a member"
	}
	return fmt.Sprintf("%q", name)
}

func typeRule(field any) (rule, remedy string) {
	switch field.(type) {
	case *string:
		return "must be a JSON string", "put it in quotes"
	case *bool:
		return "must be true or false", "write it without quotes"
	case *[]json.RawMessage:
		return "must be a JSON array of objects", `write [{"name":...}]`
	default:
		return "must be a JSON array of strings", `write ["...", "..."]`
	}
}
