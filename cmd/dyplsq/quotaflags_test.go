package main

import (
	"maps"
	"strings"
	"testing"
)

func TestCeilings(t *testing.T) {
	tests := map[string]struct {
		env   map[string]string
		flags map[string]float64
		want  map[string]float64
		says  string
	}{
		"none":                     {want: map[string]float64{}},
		"by variable":              {env: map[string]string{"DYPLSQ_QPS_BINDAXN": "100", "DYPLSQ_QPS_QUERYSUBSID": "0.5"}, want: map[string]float64{"BindAxn": 100, "QuerySubsId": 0.5}},
		"the flag goes before":     {env: map[string]string{"DYPLSQ_QPS_BINDAXN": "100"}, flags: map[string]float64{"BindAxn": 7}, want: map[string]float64{"BindAxn": 7}},
		"no number":                {env: map[string]string{"DYPLSQ_QPS_BINDAXN": "many"}, says: "DYPLSQ_QPS_BINDAXN must be calls a second"},
		"no action":                {env: map[string]string{"DYPLSQ_QPS_BINDAXY": "1"}, says: "take one of BindAxb, BindAxg"},
		"no action, in the flag":   {flags: map[string]float64{"x": 1}, says: "--qps names no action"},
		"a prefix of another name": {env: map[string]string{"DYPLSQ_QPS_BINDAXNEXTENSION": "3"}, want: map[string]float64{"BindAxnExtension": 3}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.env {
				t.Setenv(variable, value)
			}
			got, err := quotaFlags{QPS: test.flags}.ceilings()
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("error %v, want %q", err, test.says)
				}
				return
			}
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("%v %v, want %v", got, err, test.want)
			}
		})
	}
}
