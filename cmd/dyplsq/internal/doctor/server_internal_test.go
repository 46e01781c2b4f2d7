package doctor

import "testing"

func TestTooOld(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"5.0.13": true, "6.0.16": true, "6.2.0": false, "6.2": false, "7.0.15": false, "10.1.0": false, "7": false, "unstable": false, "": false, "4.x": false,
	} {
		if got := tooOld(version); got != want {
			t.Errorf("%s: %t", version, got)
		}
	}
}
