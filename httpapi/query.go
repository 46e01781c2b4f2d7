package httpapi

import (
	"net/url"
	"slices"
	"strings"
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

// integer reads one; another where it is not given.
func (q *query) integer(name string, bounds setting.Range[int], otherwise int) int {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := setting.ParseInt(text)
	if err != nil {
		q.refuse(name, "must be a whole number", "write it as in 100")
		return otherwise
	}
	q.check(bounds.Check(name, n))
	return n
}

// list reads values between commas, each one of those that are known.
func (q *query) list(name string, known []string) []string {
	text := q.values.Get(name)
	if text == "" {
		return nil
	}
	values := strings.Split(text, ",")
	for _, value := range values {
		if !slices.Contains(known, value) {
			q.refuse(name, "must be one of "+strings.Join(known, ", "), "write those that are meant, with commas between them")
			return nil
		}
	}
	return values
}

// since reads a time, or how long ago it was.
func (q *query) since(now time.Time) time.Time {
	text := q.values.Get("since")
	if text == "" {
		return time.Time{}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && at.Unix() > 0 {
		return at
	}
	ago, err := setting.ParseDuration(text)
	if err != nil {
		q.refuse("since", "must be a time with its zone, or a duration", "write it as in 2026-11-22T10:36:18Z, or as in 24h")
		return time.Time{}
	}
	q.check(setting.Since.Check("since", ago))
	return now.Add(-ago)
}

// err is everything that is wrong.
func (q *query) err() error {
	if q.errs == nil {
		return nil
	}
	return invalidWith(q.errs)
}
