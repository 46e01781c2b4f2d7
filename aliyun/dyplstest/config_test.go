package dyplstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// Every error names the field, the rule and the remedy, and no number.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	pool := func(p dyplstest.Pool) dyplstest.Config { return dyplstest.Config{Pools: []dyplstest.Pool{p}} }
	forSale := func(f dyplstest.ForSale) dyplstest.Config { return dyplstest.Config{ForSale: []dyplstest.ForSale{f}} }
	tests := map[string]struct {
		config dyplstest.Config
		want   string
	}{
		"pool without key":     {pool(dyplstest.Pool{}), "Config.Pools[0]: the Key is empty: name the pool"},
		"pool twice":           {dyplstest.Config{Pools: []dyplstest.Pool{{Key: "a"}, {Key: "a"}}}, "Config.Pools[1]: the Key a is taken by an earlier one: rename it"},
		"malformed number":     {pool(dyplstest.Pool{Key: "a", Numbers: []dypls.Phone{"170 0000 0000"}}), "not 3-20 digits: write digits only"},
		"number twice":         {pool(dyplstest.Pool{Key: "a", Numbers: []dypls.Phone{"17000000000", "17000000000"}}), "is there already: a number belongs to one pool, once"},
		"city of no number":    {pool(dyplstest.Pool{Key: "a", Cities: map[dypls.Phone]string{"17000000000": "北京"}}), "not in its Numbers: add it there"},
		"malformed group":      {pool(dyplstest.Pool{Key: "a", Groups: map[string][]dypls.Phone{"g": nil}}), `"g", which must be a whole number`},
		"pool for no bind":     {pool(dyplstest.Pool{Key: "a", Actions: []string{"QuerySubsId"}}), `"QuerySubsId", which is not a bind that is simulated: take one of`},
		"quota of no action":   {dyplstest.Config{Quotas: map[string]int{"BindAxz": 1}}, `Config.Quotas: action "BindAxz" is not simulated: take one of`},
		"negative quota":       {dyplstest.Config{Quotas: map[string]int{"BindAxn": -1}}, "must not be negative: 0 means no bound"},
		"code is no throttle":  {dyplstest.Config{QuotaCode: "OK"}, `Config.QuotaCode "OK" must be a code that throttles: take isv.FLOW_LIMIT`},
		"negative delay":       {dyplstest.Config{ListDelay: -1}, "Config.ListDelay must not be negative: leave it 0"},
		"fault":                {dyplstest.Config{Faults: []dyplstest.Fault{{Code: "X"}, {}}}, "Config.Faults[1]: do is missing"},
		"recordings too short": {dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: time.Hour, KeptFor: time.Minute}}, "lengthen KeptFor"},
		"links that are over":  {dyplstest.Config{Recordings: dyplstest.Recordings{LinkLife: -1}}, "LinkLife must not be negative: leave it 0"},
		"public links over":    {dyplstest.Config{Recordings: dyplstest.Recordings{PublicLinkLife: -1}}, "PublicLinkLife must not be negative: leave it 0"},
		"transcripts before":   {dyplstest.Config{Transcripts: dyplstest.Transcripts{ReadyAfter: -1}}, "Config.Transcripts.ReadyAfter must not be negative: leave it 0"},
		"pool for batches":     {pool(dyplstest.Pool{Key: "a", Actions: []string{"BindBatchAxg"}}), `"BindBatchAxg", which is not a bind that is simulated`},
		"for sale, no kind":    {forSale(dyplstest.ForSale{City: "杭州"}), "Config.ForSale[0]: the SpecID must be 1, 2 or 3"},
		"for sale, no city":    {forSale(dyplstest.ForSale{SpecID: dypls.SpecCarrier}), "the City must be set unless"},
		"for sale, 95":         {forSale(dyplstest.ForSale{SpecID: dypls.Spec95, City: "杭州"}), "the City must be set unless"},
		"for sale, malformed":  {forSale(dyplstest.ForSale{SpecID: dypls.Spec95, Numbers: []dypls.Phone{"17000000000x"}}), "not 3-20 digits: write digits only"},
		"recordings' base":     {dyplstest.Config{Recordings: dyplstest.Recordings{Base: "recordings"}}, "Config.Recordings.Base must be a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dyplstest.New(test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "17000000000") {
				t.Errorf("error %v tells a number", err)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	numbers := dyplstest.Numbers("170", 20000)
	seen := map[dypls.Phone]bool{}
	for _, n := range numbers {
		if len(n) != 11 || !strings.HasPrefix(string(n), "170") {
			t.Fatalf("number %q", string(n))
		}
		seen[n] = true
	}
	if len(seen) != 20000 || string(numbers[19999]) != "17000019999" {
		t.Errorf("%d distinct numbers up to %q", len(seen), string(numbers[19999]))
	}
	if got := dyplstest.Numbers("17000000000", 1); len(got) != 1 || got[0] != "17000000000" {
		t.Error("a whole number is its own prefix")
	}
	for prefix, n := range map[string]int{"1700000000": 11, "17a": 1, "170": -1, "170000000000": 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Numbers(%q, %d) did not panic", prefix, n)
				}
			}()
			dyplstest.Numbers(prefix, n)
		}()
	}
}

// tb records what Start does with a test.
type tb struct {
	failed  string
	cleanup []func()
}

func (*tb) Helper()                     {}
func (r *tb) Cleanup(f func())          { r.cleanup = append(r.cleanup, f) }
func (r *tb) Fatalf(f string, _ ...any) { r.failed = f }

func TestStart(t *testing.T) {
	t.Parallel()
	record := &tb{}
	s := dyplstest.Start(record, dyplstest.Config{SecurityToken: "t"})
	if s.AccessKeyID != dyplstest.DefaultAccessKeyID || s.AccessKeySecret != dyplstest.DefaultAccessKeySecret || s.SecurityToken != "t" {
		t.Errorf("credentials %q %q %q", s.AccessKeyID, s.AccessKeySecret, s.SecurityToken)
	}
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("URL %q", s.URL())
	}
	for _, end := range record.cleanup {
		end()
	}
	if _, _, err := send(t.Context(), s, "BindAxn", nowAXN()); err == nil {
		t.Error("the server outlives its test")
	}
	if dyplstest.Start(record, dyplstest.Config{ListDelay: -1}); record.failed == "" {
		t.Error("a bad Config does not fail the test")
	}
}
