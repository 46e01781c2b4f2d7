package figure

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []float64
		want   float64
	}{
		"none":            {nil, math.NaN()},
		"one":             {[]float64{3}, 3},
		"odd":             {[]float64{9, 1, 5}, 5},
		"even":            {[]float64{4, 1, 2, 9}, 3},
		"one is missing":  {[]float64{None(), 7, 5, 9}, 7},
		"all are missing": {[]float64{None()}, math.NaN()},
	} {
		if got := Median(test.values); got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	values := []float64{3, 1, 2}
	Median(values)
	if values[0] != 3 {
		t.Errorf("the values are in another order now: %v", values)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[len(hundred)-1-i] = time.Duration(i + 1)
	}
	for name, test := range map[string]struct {
		durations []time.Duration
		p         float64
		want      time.Duration
	}{
		"none":           {nil, 50, 0},
		"one":            {[]time.Duration{7}, 99, 7},
		"p50 of 100":     {hundred, 50, 50},
		"p99 of 100":     {hundred, 99, 99},
		"p99.9 of 100":   {hundred, 99.9, 100},
		"p0":             {hundred, 0, 1},
		"p100":           {hundred, 100, 100},
		"p50 of an even": {[]time.Duration{4, 1, 3, 2}, 50, 2},
	} {
		if got := Percentile(test.durations, test.p); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestRatios(t *testing.T) {
	t.Parallel()
	got := Ratios([]float64{6, 9, 1}, []float64{2, 0})
	if len(got) != 2 || got[0] != 3 || !math.IsNaN(got[1]) {
		t.Errorf("got %v, want [3 NaN]", got)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]struct {
		value    float64
		decimals int
	}{
		"0": {0, 0}, "999": {999, 0}, "1,000": {999.6, 0}, "1,234,567": {1234567, 0}, "12,345.7": {12345.67, 1},
		"-1,000.50": {-1000.5, 2}, "0.0": {-0.01, 1}, "-": {None(), 1},
	} {
		if got := Format(value.value, value.decimals); got != want {
			t.Errorf("Format(%v, %d) = %q, want %q", value.value, value.decimals, got, want)
		}
	}
	if got := Format(math.Inf(1), 0); got != "-" {
		t.Errorf("infinity is %q", got)
	}
	for want, d := range map[string]time.Duration{
		"-": 0, "0.3": 260 * time.Microsecond, "9.9": 9900 * time.Microsecond, "1,542": 1542 * time.Millisecond,
	} {
		if got := Milliseconds(d); got != want {
			t.Errorf("Milliseconds(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := Table{Head: []string{"worker", "tasks/s"}}
	table.Add("ours", "4,723")
	var b strings.Builder
	table.Write(&b)
	if want := "| worker | tasks/s |\n| --- | ---: |\n| ours | 4,723 |\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n")
	for range 2 { // the second time it is there already
		if err := Replace(path, "speed", "\nnew\n\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if want := "before\n<!-- speed -->\nnew\n<!-- /speed -->\nafter\n"; err != nil || string(got) != want {
			t.Errorf("%v, got\n%swant\n%s", err, got, want)
		}
	}
	wide := strings.Repeat("word ", 30) + "end"
	if err := Replace(path, "speed", "| "+wide+" |\n\n"+wide); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := "| " + wide + " |\n\n" + strings.Repeat("word ", 19) + "word\n" + strings.Repeat("word ", 10) + "end\n"
	if err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%v, got\n%swant in it\n%s", err, got, want)
	}
	write("<!-- speed -->\n")
	if err := Replace(path, "speed", "new"); err == nil || !strings.Contains(err.Error(), "<!-- /speed -->") {
		t.Errorf("a page with one mark: %v", err)
	}
}

// TestChart: it is well-formed XML, whatever names hold, and the longest bar is the largest
// figure's.
func TestChart(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	err := WriteChart(&b, "tasks/s", []Group{{Name: `<0 ms> & "50 ms"`, Bars: []Bar{{"ours", 4000}, {"script", 1000}, {"River", None()}}}})
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
	}
	for _, part := range []string{`width="540.0"`, `width="135.0"`, ">4,000<"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%s is not in\n%s", part, b.String())
		}
	}
	if strings.Contains(b.String(), "River") {
		t.Errorf("what was not measured is in\n%s", b.String())
	}
}
