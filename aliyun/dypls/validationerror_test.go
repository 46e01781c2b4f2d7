package dypls_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Whoever fills in a form wants to hear everything at once, not one complaint a try.
func TestValidateTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"BindAxb":                    {"PoolKey", "PhoneNoA", "PhoneNoB", "Expiration"},
		"BindAxn":                    {"PoolKey", "PhoneNoA", "Expiration"},
		"BindAxnExtension":           {"PoolKey", "PhoneNoA", "Expiration"},
		"BindAxg":                    {"PoolKey", "PhoneNoA", "GroupId", "Expiration"},
		"UnbindSubscription":         {"PoolKey", "SubsId", "SecretNo"},
		"UpdateSubscription":         {"PoolKey", "SubsId", "PhoneNoX", "OperateType"},
		"QuerySubscriptionDetail":    {"PoolKey", "SubsId", "PhoneNoX"},
		"QuerySubsId":                {"PoolKey", "PhoneNoX"},
		"QueryRecordFileDownloadUrl": {"PoolKey", "CallId", "CallTime"},
	}
	for action, want := range tests {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			empty := reflect.Zero(reflect.TypeOf(samples[action].full)).Interface().(dypls.Request)
			var got []string
			for _, rule := range rulesOf(t, empty.Validate()) {
				field, _, _ := strings.Cut(rule, " ")
				got = append(got, field)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields that an empty request lacks (-want +got):\n%s", diff)
			}
		})
	}
}

// A marker is put in every text field of every request, in a form that breaks as many rules as can
// be.
func TestValidateNeverTellsAValue(t *testing.T) {
	t.Parallel()
	const marker = "15098765432"
	for action, s := range samples {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			request := reflect.New(reflect.TypeOf(s.full)).Elem()
			texts := 0
			for _, field := range request.Fields() {
				if field.Kind() == reflect.String {
					field.SetString("+86 " + marker + "\n市")
					texts++
				}
			}
			err := request.Interface().(dypls.Request).Validate()
			if rules := rulesOf(t, err); len(rules) < texts {
				t.Errorf("%d problems for %d broken fields: %q", len(rules), texts, rules)
			}
			formatted, _ := json.Marshal(err)
			for _, text := range []string{err.Error(), string(formatted)} {
				if strings.Contains(text, marker) || strings.Contains(text, "98765") {
					t.Errorf("the error tells a value: %s", text)
				}
			}
		})
	}
}

func TestValidationErrorText(t *testing.T) {
	t.Parallel()
	one := &dypls.ValidationError{Problems: []dypls.Problem{{Field: "PoolKey", Rule: "is required", Remedy: "set it"}}}
	two := &dypls.ValidationError{Problems: append(one.Problems, dypls.Problem{Rule: "the rule"})}
	tests := map[string]struct {
		err  error
		want string
	}{
		"one": {one, "PoolKey is required: set it"},
		"two": {two, "2 problems: PoolKey is required: set it; the rule"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
