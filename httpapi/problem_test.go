package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEverythingWrongAtOnce: what is wrong with the body, the request in it and the options is told
// in one answer, and no number with it.
func TestEverythingWrongAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"nothing":          {`{}`, []string{"action is required", "request is required"}},
		"no object":        {`[1]`, []string{" the input must be one JSON object, not an array"}},
		"nothing at all":   {` `, []string{" the input must be one JSON object, not nothing"}},
		"no JSON":          {`{"action":`, []string{" the input is not JSON: an end that comes too early at character 11"}},
		"an action's name": {`{"action":"bindaxn","request":{}}`, []string{"action must be an action that can be queued"}},
		"all of it": {
			`{"action":"BindAxn","Id":"x","id":"a b","id":"c d","account":"-/","within":5,"in":"1d","process_at":"2099-01-31","callback":"x","request":` +
				`{"PoolKey":7,"PhoneNoA":"` + numberA + `","PhoneNoA":"","TaskID":"x","` + numberB + `":1,"Account":"b"}}`,
			[]string{
				`"id" is given twice`, `"Id" is not known here`, "within must be a duration in quotes", "in must be a duration such as 90s, 20m or 1h30m",
				"process_at must be a time with its zone in quotes", "callback must name an endpoint that the server knows",
				"request.Account does not stand in the request", "request.TaskID does not stand in the request",
				`"PhoneNoA" is given twice`, "PoolKey must be a JSON string", `"159****5678" is not a parameter of this action`,
				"PhoneNoA is required", "Expiration is required", "id must not contain white space", "account must be 1-64 characters of A-Z a-z 0-9 . _ -",
			},
		},
		"options of a good request": {
			bind("order-"+numberA, `,"within":"0s","in":"9000h","account":""`),
			[]string{
				"id must not contain a telephone number of the request", "in must be 0s to 366 days", "within must be 1ms to 366 days",
				"account must be 1-64 characters of A-Z a-z 0-9 . _ -",
			},
		},
		"two times": {bind("x", `,"in":"1h","process_at":"2098-01-31T23:59:59+08:00"`), []string{"process_at does not go with in"}},
		"a bind's task of a bind": {
			`{"action":"UnbindSubscription","request":{"BindTaskID":"nobody"}}`, []string{"BindTaskID must name a task that is recorded"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(http.MethodPost, "/v1/tasks", test.body, "Content-Type", "", "Content-Type", "application/json; charset=utf-8")
			var rules []string
			for _, e := range got.problem(t).Errors {
				rules = append(rules, e.Field+" "+e.Rule)
				if e.Remedy == "" {
					t.Errorf("no remedy: %+v", e)
				}
			}
			if diff := cmp.Diff(test.want, rules); got.Status != http.StatusUnprocessableEntity || diff != "" {
				t.Errorf("%d %s", got.Status, diff)
			}
			if strings.Contains(got.Body, "12345678") {
				t.Errorf("it shows a number: %s", got.Body)
			}
		})
	}
}

// TestProblemsAreBounded: a body that is wrong a thousand times is not answered with as much.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var body strings.Builder
	body.WriteString(`{"action":"BindAxn"`)
	for i := range 5000 {
		_, _ = fmt.Fprintf(&body, `,"x%d":1`, i)
	}
	body.WriteString("}")
	got := w.do(http.MethodPost, "/v1/tasks", body.String())
	if p := got.problem(t); len(p.Errors) != mostErrors || !strings.Contains(p.Detail, "more") {
		t.Errorf("%d %d %s", got.Status, len(p.Errors), p.Detail)
	}
}

// TestProblemsAreDocumented: each type of problem is the address of a heading of the page, and in a
// row of the tables of both languages with its status; they have no other.
func TestProblemsAreDocumented(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, k := range regexp.MustCompile(`= kind\{\s*"([a-z-]+)", http\.(Status\w+),`).FindAllStringSubmatch(string(source), -1) {
		want[k[1]] = k[2]
	}
	statuses := map[string]string{}
	for status := http.StatusBadRequest; status < 600; status++ {
		statuses[strconv.Itoa(status)] = "Status" + strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
	}
	for _, page := range []string{"../docs/http-api.md", "../docs/zh-CN/http-api.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		headings, table := map[string]bool{}, map[string]string{}
		for _, h := range regexp.MustCompile("(?m)^### ([a-z-]+)$").FindAllStringSubmatch(string(text), -1) {
			headings[h[1]] = true
		}
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| ([45]\\d\\d) \\|").FindAllStringSubmatch(string(text), -1) {
			for _, name := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(row[1], -1) {
				table[name[1]] = statuses[row[2]]
			}
		}
		if diff := cmp.Diff(want, table); diff != "" {
			t.Errorf("%s, the table (-problem.go +page): %s", page, diff)
		}
		if page == "../docs/http-api.md" { // where a type leads to
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(headings))); diff != "" {
				t.Errorf("%s, the headings (-problem.go +page): %s", page, diff)
			}
		}
	}
}
