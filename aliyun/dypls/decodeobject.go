package dypls

import (
	"encoding/json"
	"reflect"
	"slices"
)

// DecodeObject reads one JSON object as strictly as [DecodeRequest] does. Its members are those
// that are named, and no others. The error is a *[ValidationError].
func DecodeObject(data []byte, members ...Extra) error {
	if kind := kindOf(data); kind == noValue || kind != anObject && json.Valid(data) {
		return &ValidationError{Problems: []Problem{
			{Rule: "the input must be one JSON object, not " + kind, Remedy: "write {...}"},
		}}
	}
	found, problems := membersOf(data)
	known := make([]string, len(members))
	for i, m := range members {
		known[i] = m.Name
	}
	found = slices.DeleteFunc(found, func(m member) bool {
		unknown := !slices.Contains(known, m.name)
		if unknown {
			problems = append(problems, UnknownMember(m.name, known))
		}
		return unknown
	})
	problems = append(problems, readMembers(found, reflect.ValueOf(struct{}{}), members)...)
	if len(problems) > 0 {
		return &ValidationError{Problems: problems}
	}
	return nil
}

// UnknownMember says that a name is none of those that are known, and which was probably meant.
func UnknownMember(name string, known []string) Problem {
	p := Problem{Field: quoteName(name), Rule: "is not known here", Remedy: "remove it"}
	switch near := Nearest(name, known); len(near) {
	case 0:
	case 1:
		p.Remedy, p.Meant = "did you mean "+near[0]+"?", near[0]
	default:
		p.Remedy = "did you mean " + orOf(near) + "?"
	}
	return p
}
