package record_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func parameters(pairs ...string) (p dypls.Parameters) {
	for pair := range slices.Chunk(pairs, 2) {
		p = append(p, dypls.Parameter{Name: pair[0], Value: pair[1], Personal: strings.HasPrefix(pair[0], "PhoneNo")})
	}
	return p
}

func TestFingerprintDiffers(t *testing.T) {
	t.Parallel()
	base := record.FingerprintOf(nil, "k", "BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001", "OutId", "7"))
	tests := map[string]struct {
		action     string
		parameters dypls.Parameters
		want       []string
	}{
		"the same":       {"BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001", "OutId", "7"), nil},
		"another number": {"BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000002", "OutId", "7"), []string{"PhoneNoA"}},
		"one more":       {"BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001", "OutId", "7", "Extend", "e"), []string{"Extend"}},
		"one less":       {"BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001"), []string{"OutId"}},
		"another action": {"BindAxb", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001", "OutId", "7"), []string{"Action"}},
		"values swapped": {"BindAxn", parameters("PoolKey", "7", "PhoneNoA", "15000000001", "OutId", "FC1"), []string{"OutId", "PoolKey"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := record.FingerprintOf(nil, "k", test.action, test.parameters)
			if diff := cmp.Diff(test.want, got.Differs(base)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (got == base) != (test.want == nil) {
				t.Errorf("%q and %q", got, base)
			}
		})
	}
}

// Fingerprints outlive requests: a changed one makes every key in use look reused after an upgrade.
func TestFingerprintIsStable(t *testing.T) {
	t.Parallel()
	got := record.FingerprintOf(nil, "order-42", "BindAxn", parameters("PoolKey", "FC1", "PhoneNoA", "15000000001"))
	const want = "Action:fc6cf00bbd3a45da PhoneNoA:c0686e PoolKey:07292a01919a025f"
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

func TestFingerprintTellsNoNumber(t *testing.T) {
	t.Parallel()
	number := parameters("PhoneNoA", "15000000001")
	a, b := record.FingerprintOf(nil, "a", "BindAxn", number), record.FingerprintOf(nil, "b", "BindAxn", number)
	if a == b || strings.Contains(string(a), "15000000001") {
		t.Errorf("%q, %q: equal numbers of two tasks must not show", a, b)
	}
	_, hash, _ := strings.Cut(string(a), "PhoneNoA:")
	if len(hash) != 6 {
		t.Errorf("hash %q of a number: want 24 bits, which 200 numbers share", hash)
	}
}

// TestFingerprintKnowsWhatItWasMadeOf: a value can be compared though the request is gone.
func TestFingerprintKnowsWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	a, out := dypls.Parameter{Name: "PhoneNoA", Value: "13800000001", Personal: true}, dypls.Parameter{Name: "OutId", Value: "o"}
	f := record.FingerprintOf(nil, "k", "BindAxn", dypls.Parameters{a, out})
	other := a
	other.Value = "13800000002"
	if !f.Holds(nil, "k", a) || !f.Holds(nil, "k", out) || f.Holds(nil, "k", other) || f.Holds(nil, "l", a) {
		t.Errorf("%s", f)
	}
	for name, want := range map[string]bool{"Action": true, "PhoneNoA": true, "OutId": true, "Out": false, "Id": false, "PhoneNoX": false} {
		if f.Has(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
