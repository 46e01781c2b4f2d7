package inventory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

func TestReadNumbers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []inventory.Number
		bad  string
	}{
		"plain":            {"17000000000\n17000000001\n", []inventory.Number{{X: x(0)}, {X: x(1)}}, ""},
		"no last break":    {"17000000000", []inventory.Number{{X: x(0)}}, ""},
		"cities":           {"17000000000,北京\n17000000001\t上海\n400123,\n", []inventory.Number{{x(0), "北京"}, {x(1), "上海"}, {"400123", ""}}, ""},
		"windows":          {"\ufeff17000000000 , 北京\r\n\r\n", []inventory.Number{{x(0), "北京"}}, ""},
		"twice":            {"17000000000\n17000000000\n", []inventory.Number{{X: x(0)}}, ""},
		"empty":            {"", nil, ""},
		"twice, elsewhere": {"17000000000,北京\n17000000000\n", nil, "line 2: the same number stands in an earlier line, with another city"},
		"all bad lines": {
			"number,city\n17000000000\n12\n+8617000000001\n17000000002,北京市\n170 0000 0003\n17000000004,2\n", nil,
			"lines 1, 3-4, 6: must start with a number of 3-20 digits, without +86, hyphens and spaces; " +
				"line 5: the city must be named without 市: write 北京, not 北京市; line 7: what stands after the number must be the name of a city",
		},
		"not UTF-8":    {"17000000000,\xb1\xb1\xbe\xa9\n", nil, "line 1: not UTF-8, it may be GBK: convert the file, as with iconv -f GBK -t UTF-8"},
		"other digits": {"１７０００００００００\n", nil, "line 1: must start with a number of 3-20 digits, without +86, hyphens and spaces"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := inventory.ReadNumbers(strings.NewReader(test.file))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			bad, ok := errors.AsType[*inventory.BadLinesError](err)
			switch {
			case test.bad == "" && err != nil:
				t.Error(err)
			case test.bad != "" && (!ok || bad.Error() != test.bad):
				t.Errorf("%v\nwant %s", err, test.bad)
			}
		})
	}
}

// Whatever a file holds, what is read from it can be imported, and what is wrong is told without
// repeating it.
func FuzzReadNumbers(f *testing.F) {
	for _, seed := range []string{"17000000000,北京\n", "1\n\n\n22\t\n", "\ufeff,", "17000000000,a|b\n", "x\n" + strings.Repeat("1", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		numbers, err := inventory.ReadNumbers(strings.NewReader(file))
		if bad, ok := errors.AsType[*inventory.BadLinesError](err); err != nil && (!ok || len(numbers) > 0 || len(bad.Error()) == 0) {
			t.Errorf("%d numbers, %v", len(numbers), err)
		}
		for _, n := range numbers {
			if len(n.X) < 3 || len(n.X) > 20 || strings.ContainsAny(n.City, "|\n\r\t") || strings.TrimSpace(n.City) != n.City {
				t.Errorf("%q, %q", string(n.X), n.City)
			}
		}
	})
}
