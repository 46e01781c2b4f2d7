package setting

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestBothEndsAreIncluded(t *testing.T) {
	t.Parallel()
	r := Range[time.Duration]{time.Minute, 48 * time.Hour, "leave it out"}
	want := []dypls.Problem{{Field: "Keep", Rule: "must be 1m to 2 days", Remedy: "leave it out"}}
	for value, problems := range map[time.Duration][]dypls.Problem{
		time.Minute: nil, 48 * time.Hour: nil, time.Minute - 1: want, 48*time.Hour + 1: want, 0: want, -time.Hour: want,
		math.MinInt64: want, math.MaxInt64: want,
	} {
		if diff := cmp.Diff(problems, r.Check("Keep", value)); diff != "" {
			t.Errorf("%s: %s", value, diff)
		}
	}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		if PoolQPS.CheckAny("PoolQPS", value) == nil {
			t.Errorf("%v calls a second are taken", value)
		}
	}
}

// TestNumbersAreReadAsPeopleWriteThem: of what people type, blanks are forgiven; what could mean
// something else is not.
func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	if d, err := ParseDuration(" 90s\n"); err != nil || d != 90*time.Second {
		t.Error(d, err)
	}
	if n, err := ParseInt("\t010 "); err != nil || n != 10 { // not 8
		t.Error(n, err)
	}
	if n, err := ParseRate(" 0.5\r\n"); err != nil || n != 0.5 {
		t.Error(n, err)
	}
	for _, text := range []string{"", " ", "10", "1d", "1 h", "ten"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
	for _, text := range []string{"", " ", "0x10", "1.5", "6 4", "99999999999999999999"} {
		if n, err := ParseInt(text); err == nil {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}

func TestBoundsAreWrittenAsSettings(t *testing.T) {
	t.Parallel()
	for value, want := range map[time.Duration]string{
		0: "0s", time.Millisecond: "1ms", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", 24 * time.Hour: "24h", 48 * time.Hour: "2 days", 25 * time.Hour: "25h",
	} {
		if got := text(value); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := text(1e6); got != "1000000" {
		t.Error(got)
	}
}
