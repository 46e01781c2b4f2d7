package httpapi

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// submission is a task as a body writes it.
type submission struct {
	action    *string
	request   json.RawMessage
	id        *string
	account   *string
	callback  *string
	within    *duration
	in        *duration
	processAt *instant
}

// decodeSubmission reads a task, and everything that is wrong with it at once.
func (a *API) decodeSubmission(data []byte) (*submission, []dypls.Problem) {
	var s submission
	err := dypls.DecodeObject(data, s.members()...)
	problems := problemsOf(err)
	if isUnreadable(problems) {
		return &s, problems
	}
	s.forget(problems)
	if s.in != nil && s.processAt != nil {
		problems = append(problems, dypls.Problem{
			Field: "process_at", Rule: "does not go with in", Remedy: "give one of the two",
		})
	}
	if s.callback != nil && !slices.Contains(*a.callbacks.Load(), *s.callback) {
		problems = append(problems, dypls.Problem{
			Field: "callback", Rule: "must name an endpoint that the server knows", Remedy: a.knownCallbacks(),
		})
	}
	return &s, problems
}

// isUnreadable reports whether what is wrong is the body itself, so that nothing is known of what
// should be in it.
func isUnreadable(problems []dypls.Problem) bool {
	return len(problems) == 1 && problems[0].Field == ""
}

// members are where the members of a body are read into.
func (s *submission) members() []dypls.Extra {
	return []dypls.Extra{
		{Name: "action", Into: &s.action},
		{Name: "request", Into: &s.request},
		{Name: "id", Into: &s.id},
		{Name: "account", Into: &s.account},
		{Name: "callback", Into: &s.callback},
		{Name: "within", Into: &s.within},
		{Name: "in", Into: &s.in},
		{Name: "process_at", Into: &s.processAt},
	}
}

// forget drops members that could not be read: that is all that is wrong with them.
func (s *submission) forget(problems []dypls.Problem) {
	for _, m := range s.members() {
		if slices.ContainsFunc(problems, func(p dypls.Problem) bool { return p.Field == m.Name }) {
			reflect.ValueOf(m.Into).Elem().SetZero()
		}
	}
}

func (a *API) knownCallbacks() string {
	names := *a.callbacks.Load()
	if len(names) == 0 {
		return "leave it out: there are none"
	}
	return "take one of " + strings.Join(names, ", ")
}

// item is the task as the library takes it, or all that is wrong with it, beside what is
// known to be wrong already.
func (s *submission) item(found []dypls.Problem, header *string) (
	item tasks.UntypedItem, problems []dypls.Problem,
) {
	problems = slices.Concat(found, s.takeKey(header))
	if isUnreadable(found) {
		return item, problems
	}
	item.Options = s.options()
	kind, known := s.kind(&problems)
	if given := s.given(&problems); !known || !given {
		return item, append(problems, problemsOf(item.CheckOptions())...)
	}
	problems = append(problems, misplaced(s.request)...)
	item, err := kind.Decode(s.request)
	item.Options = append(item.Options, s.options()...)
	for _, p := range problemsOf(err) {
		if p.Field == "" {
			p.Field = "request"
		}
		problems = append(problems, p)
	}
	switch {
	case err != nil:
		problems = append(problems, problemsOf(item.CheckOptions())...)
	case len(problems) > 0:
		problems = append(problems, problemsOf(item.Check())...)
	}
	return item, problems
}

// kind finds the action.
func (s *submission) kind(problems *[]dypls.Problem) (kind tasks.UntypedKind, known bool) {
	refuse := func(rule, remedy string) {
		*problems = append(*problems, dypls.Problem{Field: "action", Rule: rule, Remedy: remedy})
	}
	if s.action == nil {
		if !isAbout(*problems, "action") {
			refuse("is required", "name the API's action, such as BindAxn")
		}
		return kind, false
	}
	if kind, known = tasks.Lookup(*s.action); known {
		return kind, true
	}
	var names []string
	for _, k := range tasks.Kinds() {
		names = append(names, k.Action())
	}
	remedy := "take one of " + strings.Join(names, ", ")
	if near := dypls.Nearest(*s.action, names); near != nil {
		remedy = "did you mean " + strings.Join(near, " or ") + "?"
	}
	refuse("must be an action that can be queued", remedy)
	return kind, false
}

// given reports whether there is a request.
func (s *submission) given(problems *[]dypls.Problem) bool {
	if s.request == nil && !isAbout(*problems, "request") {
		*problems = append(*problems, dypls.Problem{
			Field: "request", Rule: "is required",
			Remedy: "give the action's parameters, as {\"PoolKey\":\"FC...\", ...}",
		})
	}
	return s.request != nil
}

func isAbout(problems []dypls.Problem, field string) bool {
	return slices.ContainsFunc(problems, func(p dypls.Problem) bool {
		return p.Field == field || p.Meant == field
	})
}

// takeKey makes the header's key the task's, where the body gives none.
func (s *submission) takeKey(header *string) []dypls.Problem {
	switch {
	case header == nil:
	case s.id == nil:
		s.id = header
	case *s.id != *header:
		return []dypls.Problem{{
			Field: headerKey, Rule: "differs from id", Remedy: "give one of the two",
		}}
	}
	return nil
}

func (s *submission) options() (options []tasks.Option) {
	if s.id != nil {
		options = append(options, tasks.TaskID(*s.id))
	}
	if s.account != nil {
		options = append(options, tasks.Account(*s.account))
	}
	if s.within != nil {
		options = append(options, tasks.Within(time.Duration(*s.within)))
	}
	if s.in != nil {
		options = append(options, tasks.ProcessIn(time.Duration(*s.in)))
	}
	if s.callback != nil {
		options = append(options, tasks.Callback(*s.callback))
	}
	if s.processAt != nil {
		options = append(options, tasks.ProcessAt(time.Time(*s.processAt)))
	}
	return options
}

// misplaced refuses in a request what the body has a member of its own for: there is one way to
// say it.
func misplaced(request json.RawMessage) (problems []dypls.Problem) {
	var members map[string]json.RawMessage
	if json.Unmarshal(request, &members) != nil {
		return nil
	}
	for name, member := range map[string]string{
		"Account": "account", "Callback": "callback", "TaskID": "id",
	} {
		if _, is := members[name]; is {
			problems = append(problems, dypls.Problem{
				Field: "request." + name, Rule: "does not stand in the request",
				Remedy: "write it beside it, as " + member,
			})
		}
	}
	slices.SortFunc(problems, func(a, b dypls.Problem) int {
		return strings.Compare(a.Field, b.Field)
	})
	return problems
}

// problemsOf are those of a *dypls.ValidationError.
func problemsOf(err error) []dypls.Problem {
	if bad, is := errors.AsType[*dypls.ValidationError](err); is {
		return bad.Problems
	}
	return nil
}

// duration is a time.Duration as a body writes it: "90s".
type duration time.Duration

// UnmarshalJSON implements [json.Unmarshaler].
func (d *duration) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return badValue("must be a duration in quotes", "write it as in \"90s\"")
	}
	read, err := setting.ParseDuration(text)
	if err != nil {
		return badValue(durationProblem(err))
	}
	*d = duration(read)
	return nil
}

// durationProblem is what is wrong with a duration, which may be anything, a number included.
func durationProblem(err error) (rule, remedy string) {
	rule, _, _ = strings.Cut(err.Error(), ": ") // the rest repeats it
	return rule, "write it with its unit, as in 90s or 24h"
}

// instant is a time as a body writes it: RFC 3339 with its zone.
type instant time.Time

// UnmarshalJSON implements [json.Unmarshaler].
func (i *instant) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	var at time.Time
	if err == nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if err != nil || at.Unix() <= 0 {
		return badValue(
			"must be a time with its zone in quotes", "write it as in \"2099-01-31T23:59:59+08:00\"",
		)
	}
	*i = instant(at)
	return nil
}

func badValue(rule, remedy string) error {
	return &dypls.ValidationError{Problems: []dypls.Problem{{Rule: rule, Remedy: remedy}}}
}
