package dypls_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A changed golden is a hazard: requests that are queued by one version are performed by another.
func TestGolden(t *testing.T) {
	t.Parallel()
	for action, s := range samples {
		for shape, request := range map[string]dypls.Request{"full": s.full, "minimal": s.minimal} {
			t.Run(action+"/"+shape, func(t *testing.T) {
				t.Parallel()
				name := filepath.Join("testdata", action+"."+shape)

				var wire bytes.Buffer
				for _, p := range dypls.ParametersOf(request) {
					fmt.Fprintf(&wire, "%s=%s\n", p.Name, p.Value)
				}
				compareGolden(t, name+".golden", wire.Bytes())

				payload, err := json.MarshalIndent(request, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				compareGolden(t, name+".json.golden", append(payload, '\n'))

				// The golden is decoded, not what was marshalled just now: it stands for what an older version
				// queued.
				stored, err := os.ReadFile(name + ".json.golden")
				if err != nil {
					t.Fatal(err)
				}
				decoded, err := s.decode(stored)
				if err != nil {
					t.Fatalf("DecodeRequest: %v", err)
				}
				if diff := cmp.Diff(request, decoded); diff != "" {
					t.Errorf("the request after a round trip through JSON (-before +after):\n%s", diff)
				}
			})
		}
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", name, diff)
	}
}

// Without this, a parameter that somebody adds would be missing from the goldens.
func TestSamplesAreComplete(t *testing.T) {
	t.Parallel()
	for action, s := range samples {
		v := reflect.ValueOf(s.full)
		for field, value := range v.Fields() {
			if value.IsZero() {
				t.Errorf("the full sample of %s leaves %s unset", action, field.Name)
			}
		}
		for shape, request := range map[string]dypls.Request{"full": s.full, "minimal": s.minimal} {
			if err := request.Validate(); err != nil {
				t.Errorf("the %s sample of %s: %v", shape, action, err)
			}
		}
	}
}
