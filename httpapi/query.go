package httpapi

import (
	"net/url"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// query reads the parameters of a request's query. What is wrong with them is collected.
type query struct {
	values url.Values
	errs   []FieldError
}

// query reads a query that may have these parameters, each once.
func (e *exchange) query(known ...string) *query {
	q := &query{}
	values, err := url.ParseQuery(e.r.URL.RawQuery)
	if err != nil {
		q.refuse("", "the query cannot be read", "percent-encode what is in it")
	}
	q.values = values
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			p := dypls.UnknownMember(name, known)
			q.refuse(p.Field, p.Rule, p.Remedy)
		case len(values[name]) > 1:
			q.refuse(name, "is given twice", "keep one")
		}
	}
	return q
}

func (q *query) refuse(field, rule, remedy string) {
	q.errs = append(q.errs, FieldError{Field: field, Rule: rule, Remedy: remedy})
}

// check takes over what a range says.
func (q *query) check(problems []dypls.Problem) {
	for _, p := range problems {
		q.refuse(memberOf(p.Field), p.Rule, p.Remedy)
	}
}

// duration reads one, 0 where it is not given.
func (q *query) duration(name string, bounds setting.Range[time.Duration]) time.Duration {
	text := q.values.Get(name)
	if text == "" {
		return 0
	}
	d, err := setting.ParseDuration(text)
	if err != nil {
		rule, remedy := durationProblem(err)
		q.refuse(name, rule, remedy)
		return 0
	}
	q.check(bounds.Check(name, d))
	return d
}

// err is everything that is wrong.
func (q *query) err() error {
	if q.errs == nil {
		return nil
	}
	return invalidWith(q.errs)
}
