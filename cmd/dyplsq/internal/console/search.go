package console

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// A search for what has no index looks at tasks one after the other, so many in one answer.
	searchPage  = 250
	searchPages = 20
)

var wholeNumber = regexp.MustCompile(`^\+?[0-9]{7,20}$`)

// search looks for a task by its id, and for tasks by the OutId or SubsId of their binding, or by a
// number as people see it: 138****0001. A whole number is made such a one at once, so that none
// stays in an address. found leads on where there is one page to go to.
func (r *request) search(
	q string, filter tasks.Filter,
) (found answer, views []tasks.View, next string, err error) {
	if filter.Cursor == "" {
		if found, err = r.searchIndexes(q); err != nil || found.to != "" {
			return found, nil, "", err
		}
	}
	limit := filter.Limit
	filter.Limit = searchPage
	for range searchPages {
		var page []tasks.View
		if page, next, err = r.console.Queue.List(r.Context(), filter); err != nil {
			return found, nil, "", err
		}
		some, err := r.matching(q, page)
		if err != nil {
			return found, nil, "", err
		}
		views = append(views, some...)
		if next == "" || len(views) >= limit {
			break
		}
		filter.Cursor = next
	}
	return found, views, next, nil
}

// searchIndexes finds what can be found without looking at each task.
func (r *request) searchIndexes(q string) (found answer, err error) {
	if tasks.CheckID(q) == nil {
		views, err := r.console.Queue.Views(r.Context(), q)
		if err != nil {
			return found, err
		}
		if _, known := views[q]; known {
			return answer{to: link("task", "id", q)}, nil
		}
	}
	if strings.ContainsAny(q, " \t") {
		return found, nil
	}
	// A binding that was called through tells whose it is.
	of, _, err := r.console.Calls.List(r.Context(), calls.Filter{SubsID: q, Limit: 1})
	if err != nil {
		return found, err
	}
	if len(of) == 1 && tasks.CheckID(of[0].TaskID) == nil {
		views, err := r.console.Queue.Views(r.Context(), of[0].TaskID)
		if err != nil {
			return found, err
		}
		if _, known := views[of[0].TaskID]; known {
			return answer{to: link("task", "id", of[0].TaskID)}, nil
		}
	}
	if wholeNumber.MatchString(q) {
		if masked := dypls.Phone(q).Masked(); masked != q && looksLikeNumber(q) {
			return answer{to: link("tasks", "q", masked)}, nil
		}
	}
	return found, nil
}

// looksLikeNumber tells a telephone number from the id of a binding, which has more digits.
func looksLikeNumber(q string) bool {
	const most = 13 // +86 and eleven
	return len(strings.TrimPrefix(q, "+")) <= most
}

// matching are those of a page of tasks that what is looked for stands in: in the request, as
// people see it, or in the binding.
func (r *request) matching(q string, page []tasks.View) (found []tasks.View, err error) {
	ids := make([]string, len(page))
	for i, v := range page {
		ids[i] = v.ID
	}
	outcomes, err := r.console.Queue.Outcomes(r.Context(), ids...)
	if err != nil {
		return nil, err
	}
	for i, v := range page {
		if strings.Contains(v.ID, q) || v.RequestID == q || holds(v.Request, q) ||
			holds(fieldsOf(outcomes[i]), q) {
			found = append(found, v)
		}
	}
	return found, nil
}

func holds(fields map[string]string, q string) bool {
	for _, value := range fields {
		if value == q {
			return true
		}
		for part := range strings.SplitSeq(value, ",") {
			if part == q {
				return true
			}
		}
	}
	return false
}

// fieldsOf are the fields of a result, numbers masked.
func fieldsOf(o tasks.Outcome) map[string]string {
	var fields map[string]any
	if o.Result == nil || json.Unmarshal(o.Masked().Result, &fields) != nil {
		return nil
	}
	return texted(fields)
}

// texted writes each field as a text; what holds others is written as JSON.
func texted(fields map[string]any) map[string]string {
	texts := make(map[string]string, len(fields))
	for name, value := range fields {
		switch v := value.(type) {
		case string:
			texts[name] = v
		case nil:
		default:
			if text, err := json.Marshal(v); err == nil {
				texts[name] = string(text)
			}
		}
	}
	return texts
}
