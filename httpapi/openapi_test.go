package httpapi

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestDocumentIsValid: the document is OpenAPI 3.1, and describes each route and nothing else.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string][]string{}
	for path, item := range doc.Paths.Map() {
		described[path] = slices.Sorted(maps.Keys(item.Operations()))
	}
	served := map[string][]string{}
	for pattern, r := range new(API).resources() {
		served[pattern] = slices.Sorted(maps.Keys(r))
	}
	served[routeTask] = slices.DeleteFunc(served[routeTask], func(method string) bool { return method == "POST" })
	served[routeResolve] = []string{"POST"}
	if diff := cmp.Diff(described, served); diff != "" {
		t.Errorf("routes (-described +served): %s", diff)
	}
	if number := regexp.MustCompile(`\b1[3-9]\d{9}\b`).FindAllString(strings.ReplaceAll(string(Description()), "13800000001", ""), -1); number != nil {
		t.Errorf("examples with numbers: %v", number)
	}
}

// TestRequestsAreDescribed: the schema of each action's request has the parameters of the Go type,
// and no others.
func TestRequestsAreDescribed(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]string{}
	for _, kind := range tasks.Kinds() {
		action := kind.Action()
		actions[action] = "#/components/schemas/" + action + "Task"
		item, err := kind.Decode([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for field := range reflect.TypeOf(item.Request).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			want[name] = typeOf(field.Type)
		}
		if action == dypls.UnbindSubscription.Action {
			want["BindTaskID"] = "string"
		}
		schema := doc.Components.Schemas[action+"Request"]
		if schema == nil {
			t.Errorf("%s has no schema", action)
			continue
		}
		got := map[string]string{}
		for name, property := range schema.Value.Properties {
			got[name] = property.Value.Type.Slice()[0]
			if property.Value.Description == "" {
				t.Errorf("%s.%s has no description", action, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Go +schema): %s", action, diff)
		}
		var missing []string // what Validate calls required
		for _, p := range problemsOf(item.Request.Validate()) {
			if p.Rule == "is required" && action != dypls.UnbindSubscription.Action && want[p.Field] != "" {
				missing = append(missing, p.Field)
			}
		}
		if diff := cmp.Diff(missing, schema.Value.Required, sorted()); diff != "" {
			t.Errorf("%s, required (-Go +schema): %s", action, diff)
		}
	}
	mapping := map[string]string{}
	for action, ref := range doc.Components.Schemas["Task"].Value.Discriminator.Mapping {
		mapping[action] = ref.Ref
	}
	if diff := cmp.Diff(actions, mapping); diff != "" {
		t.Errorf("actions (-Go +schema): %s", diff)
	}
}

func sorted() cmp.Option {
	return cmp.Transformer("sorted", func(names []string) []string { return slices.Sorted(slices.Values(names)) })
}

// typeOf is the type of JSON that a field is.
func typeOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[dypls.Time](), t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Int:
		return "integer"
	}
	return t.String()
}

// TestExamplesAreTaken: what the document shows as a request is one.
func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil || strings.Contains(path, "{id}") || path == "/v1/outcomes:ack" {
				continue
			}
			body, err := json.Marshal(operation.RequestBody.Value.Content["application/json"].Example)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.do(method, path, string(body)); got.Status >= 300 {
				t.Errorf("%s: %d %s", path, got.Status, got.Body)
			}
		}
	}
}
