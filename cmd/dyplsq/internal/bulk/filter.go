package bulk

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const filterField = "filter"

// ParseFilter reads a filter as people write it: state=failed,code=isv.X,account=shop,since=2h. It
// may have an action, too, and several states. since is counted from now. Its error tells
// everything that is wrong.
func ParseFilter(text string, now time.Time) (f tasks.Filter, err error) {
	var problems []dypls.Problem
	refuse := func(rule, remedy string) {
		problems = append(problems, dypls.Problem{Field: filterField, Rule: rule, Remedy: remedy})
	}
	given := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if value == "" {
			refuse(fmt.Sprintf("%q must be name=value", dypls.Scrub(pair)), "write it as in state=failed,code=isv.X,since=2h")
			continue
		}
		if given[name] && name != "state" {
			refuse(name+" is given twice", "give it once, or do it for one after the other")
		}
		given[name] = true
		switch name {
		case "state":
			f.States = append(f.States, tasks.State(value))
		case "code":
			f.Code = value
		case "action":
			f.Action = value
		case "account":
			f.Account = value
		case "since":
			since, err := setting.ParseDuration(value)
			if err != nil {
				refuse("since "+err.Error(), "write it as in since=2h")
				break
			}
			problems = append(problems, setting.Since.Check("since of the filter", since)...)
			f.Since = now.Add(-since)
		default:
			refuse(fmt.Sprintf("has no %q", dypls.Scrub(name)), "give some of state, code, action, account and since")
		}
	}
	if problems != nil {
		return tasks.Filter{}, &dypls.ValidationError{Problems: problems}
	}
	return f, nil
}

// FilterText writes a filter as people read it, with the time since when in place of how long ago.
func FilterText(f tasks.Filter) string {
	var pairs []string
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, name+"="+value)
		}
	}
	for _, state := range f.States {
		add("state", string(state))
	}
	add("code", f.Code)
	add("action", f.Action)
	add("account", f.Account)
	if !f.Since.IsZero() {
		add("since", f.Since.UTC().Format(time.RFC3339))
	}
	return strings.Join(pairs, ",")
}
