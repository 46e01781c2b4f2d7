package dypls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// DecodeRequest reads one JSON object strictly, under the API's own parameter names: an unknown or
// repeated name, a value of the wrong type and anything after the object are problems, and all of
// them are reported at once, as a *[ValidationError], together with what [Request.Validate] says of
// the rest. An object that reads well is not validated.
//
// Members that belong to another than the API may stand beside its own: name them as extra.
func DecodeRequest[Req Request](data []byte, extra ...Extra) (Req, error) {
	var req Req
	members, problems := membersOf(data)
	if len(problems) > 0 && members == nil {
		return req, &ValidationError{Problems: problems}
	}
	problems = append(problems, readMembers(members, reflect.ValueOf(&req).Elem(), extra)...)
	if len(problems) > 0 {
		return req, &ValidationError{Problems: append(problems, restOf(validate(req), problems)...)}
	}
	return req, nil
}

// readMembers sets the fields of a struct.
func readMembers(members []member, into reflect.Value, extra []Extra) []Problem {
	var problems []Problem
	targets := targetsOf(into, extra)
	for _, m := range members {
		target, known := targets[m.name]
		if !known {
			problems = append(problems, unknownField(m.name, slices.Collect(maps.Keys(targets))))
			continue
		}
		if list, is := reflect.TypeAssert[*[]AXGBind](target); is {
			problems = append(problems, readBinds(m, list)...)
			continue
		}
		if err := json.Unmarshal(asText(m, target.Type()), target.Interface()); err != nil {
			problems = append(problems, wrongType(m, target.Type(), err)...)
		}
	}
	return problems
}

// readBinds reads a list of objects as strictly as the object that it stands in. Its own text,
// which is what goes on the wire, is taken, too.
func readBinds(m member, into *[]AXGBind) []Problem {
	list := []byte(m.value)
	var text string
	if json.Unmarshal(list, &text) == nil && kindOf(list) == aString {
		list = []byte(text)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		return []Problem{{
			Field: m.name, Rule: "must be a JSON array of objects", Remedy: `write [{"PhoneNoA":...}]`,
		}}
	}
	var problems []Problem
	binds := make([]AXGBind, len(items))
	for i, item := range items {
		place := fmt.Sprintf("%s[%d]", m.name, i)
		if kindOf(item) != anObject {
			problems = append(problems, Problem{
				Field: place, Rule: "must be a JSON object", Remedy: `write {"PhoneNoA":...}`,
			})
			continue
		}
		members, found := membersOf(item)
		found = append(found, readMembers(members, reflect.ValueOf(&binds[i]).Elem(), nil)...)
		problems = append(problems, within(place, found)...)
	}
	if items != nil {
		*into = binds
	}
	return problems
}

// within names the item of a list that problems are about.
func within(place string, problems []Problem) []Problem {
	for i := range problems {
		p := &problems[i]
		p.Field = place + "." + p.Field
		if p.Meant != "" {
			p.Meant = place + "." + p.Meant
		}
	}
	return problems
}

// restOf returns what is wrong with a request beside the parameters that could not be read.
func restOf(err error, unread []Problem) []Problem {
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(invalid.Problems, func(p Problem) bool {
		return slices.ContainsFunc(
			unread,
			func(u Problem) bool {
				rest, inside := strings.CutPrefix(p.Field, u.Field)
				inside = inside && u.Field != "" && strings.IndexAny(rest, ".[") == 0
				return u.Field == p.Field || u.Meant == p.Field || inside
			},
		)
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
	decoder := json.NewDecoder(bytes.NewReader(data))
	if !json.Valid(data) {
		return nil, []Problem{syntaxProblem(data)}
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, []Problem{
			{
				Rule:   "the input must be one JSON object of the API's parameters, not " + kindOf(data),
				Remedy: `write {"PoolKey":"FC...", ...}`,
			},
		}
	}
	members := []member{}
	var problems []Problem
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		var value json.RawMessage
		if err != nil || !isName ||
			decoder.Decode(&value) != nil { // valid as a whole, so this does not happen
			return nil, []Problem{syntaxProblem(data)}
		}
		if seen[name] {
			problems = append(
				problems,
				Problem{Field: quoteName(name), Rule: "is given twice", Remedy: "keep one"},
			)
		}
		seen[name] = true
		members = append(members, member{name, value})
	}
	return members, problems
}

// asText is a member's value, as a string where the API wants the text of a JSON object and it was
// written as one, and as an array where numbers were written as the API wants them, with commas.
func asText(m member, target reflect.Type) []byte {
	var adapted any
	switch kind := kindOf(m.value); {
	case target == reflect.TypeFor[*[]Phone]() && kind == aString:
		var numbers string
		if json.Unmarshal(m.value, &numbers) != nil {
			return m.value
		}
		adapted = strings.FieldsFunc(numbers, func(r rune) bool { return r == ',' })
	case (m.name == ringConfig || m.name == dtmfConfig) && kind == anObject:
		var text bytes.Buffer
		if json.Compact(&text, m.value) != nil {
			return m.value
		}
		adapted = text.String()
	default:
		return m.value
	}
	encoded, err := json.Marshal(adapted)
	if err != nil {
		return m.value
	}
	return encoded
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

// wrongType says what a member should be in place of what it is.
func wrongType(m member, t reflect.Type, err error) []Problem {
	if badTime, is := errors.AsType[*ValidationError](err); is {
		problems := slices.Clone(badTime.Problems)
		for i := range problems {
			problems[i].Field = m.name
		}
		return problems
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := Problem{Field: m.name, Rule: "must be a JSON string", Remedy: "put it in quotes"}
	switch kind := kindOf(m.value); {
	case t.Kind() == reflect.Slice:
		p.Rule, p.Remedy = "must be a JSON array of strings", `write ["...", "..."]`
	case t.Kind() == reflect.Bool:
		p.Rule, p.Remedy = "must be true or false", "write it without quotes"
	case t.Kind() == reflect.Int:
		p.Rule, p.Remedy = "must be an integer", "write it without quotes"
	case kind == anObject || kind == anArray:
		p.Rule, p.Remedy = "must be a JSON string, not "+kind, "write its text in quotes"
	}
	return []Problem{p}
}

// quoteName makes a name from outside fit to be shown: it may be anything, a number included.
func quoteName(name string) string {
	const most = 40
	name = Scrub(name)
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "..."
	}
	return Scrub(
		fmt.Sprintf("%q", name),
	) // quoted first: an escape may join its digits to those that follow
}
