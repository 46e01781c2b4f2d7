package history

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestValuesOfText: a row is read as it was written; what cannot be read of one is left out,
// and the rest of it stands.
func TestValuesOfText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Values{
		"":                      {},
		"a=1":                   {"a": {1}},
		"a=1,2,3;b+c%3D%3B=4":   {"a": {1, 2, 3}, "b c=;": {4}},
		"a=1,x;b=2;;=;c;%zz=3;": {"b": {2}},
	} {
		if diff := cmp.Diff(want, parseValues(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if again := parseValues(want.text()); !cmp.Equal(want, again) {
			t.Errorf("%q is written as %q", text, want.text())
		}
	}
	if v := (Values{"a": {1, 2}}); v.Of("a", 1) != 2 || v.Of("a", 2) != 0 || v.Of("b", 0) != 0 {
		t.Errorf("%v", v)
	}
}
