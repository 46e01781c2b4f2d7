package dypls_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestCodesAreComplete(t *testing.T) {
	t.Parallel()
	does := map[dypls.Class]string{}
	layer := 0
	layers := []dypls.Layer{dypls.LayerOurs, dypls.LayerGateway, dypls.LayerService}
	for _, row := range dypls.Codes() {
		if row.Code == "" || row.English == "" || row.Does == "" || row.Why == "" {
			t.Errorf("%s: a column is empty: %+v", row.Code, row)
		}
		if !strings.ContainsFunc(row.Chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: %q is not Chinese", row.Code, row.Chinese)
		}
		if strings.ContainsFunc(row.English+row.Does+row.Why, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: Chinese in the English columns", row.Code)
		}
		if was, ok := does[row.Class]; ok && was != row.Does {
			t.Errorf("%s: what is done about %s is said in two ways: %q, %q", row.Code, row.Class, was, row.Does)
		}
		does[row.Class] = row.Does
		// Only these say that nothing was done; Error's documentation relies on it.
		if slices.Contains([]dypls.Class{dypls.Rejected, dypls.Exhausted, dypls.Throttled, dypls.Denied}, row.Class) && row.MayHaveRun {
			t.Errorf("%s is %s and may have run", row.Code, row.Class)
		}
		if row.Class == dypls.Uncertain && !row.MayHaveRun {
			t.Errorf("%s is Uncertain and cannot have run", row.Code)
		}
		if ours := strings.HasPrefix(row.Code, "dyplsq."); ours != (row.Layer == dypls.LayerOurs) {
			t.Errorf("%s is of layer %s", row.Code, row.Layer)
		}
		at := slices.Index(layers, row.Layer)
		if at < layer {
			t.Errorf("%s: ours come first, then the gateway's, then the service's", row.Code)
		}
		layer = at
	}
}

func TestCodesIsACopy(t *testing.T) {
	t.Parallel()
	dypls.Codes()[0].Class = "spoilt"
	if dypls.Codes()[0].Class == "spoilt" {
		t.Error("a caller can change the table")
	}
}

func TestLookupCode(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // code -> row, "" for none
		"OK":                           "OK",
		"isv.FLOW_LIMIT":               "isv.FLOW_LIMIT",
		"MissingPhoneNoA":              "Missing*",
		"MissingParameter":             "Missing*",
		"InvalidParameter":             "Invalid*",
		"InvalidParameter.Format":      "Invalid*",
		"InvalidVersion":               "InvalidVersion",
		"InvalidTimeStamp.Format":      "InvalidTimeStamp*",
		"InvalidTimeStamp.Expired":     "InvalidTimeStamp*",
		"InvalidSecurityToken.Expired": "InvalidSecurityToken*",
		"InvalidAccessKeyId.NotFound":  "InvalidAccessKeyId.NotFound",
		"Throttling":                   "Throttling",
		"Throttling.User":              "Throttling.*",
		"Throttling.Api":               "Throttling.*",
		"Forbidden.RAM":                "Forbidden.RAM",
		"Forbidden.SubUser":            "Forbidden.*",
		"dyplsq.NoAnswer":              "dyplsq.NoAnswer",
		"Missing":                      "", // a family has an ending
		"Throttling.":                  "",
		"":                             "",
		"ok":                           "", // the service writes it in one way
		"0":                            "", // success of other families of actions, not of this one
		"200":                          "",
		"isv.X":                        "",
		"isp.X":                        "",
		"isv.FLOW_LIMIT2":              "",
	}
	for code, want := range tests {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			info, known := dypls.LookupCode(code)
			if info.Code != want || known != (want != "") {
				t.Errorf("LookupCode(%q) = %q, %t; want %q", code, info.Code, known, want)
			}
		})
	}
}

// The names in JSON are what `codes --json` prints: other programs may read them.
func TestCodeInfoJSON(t *testing.T) {
	t.Parallel()
	info, _ := dypls.LookupCode("isv.BIND_CONFLICT")
	got, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"code":"isv.BIND_CONFLICT","layer":"service","chinese":"绑定冲突","english":"A or B is already bound to X",` +
		`"class":"Rejected","scope":"request","may_have_run":false,"does":"fails at once; never repeated","why":"X already serves one of the numbers"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
