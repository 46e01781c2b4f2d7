package console

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
)

var noon = time.Date(2026, 11, 30, 12, 0, 30, 0, time.UTC)

// drawn is a chart of one line of calls.
func drawn(t *testing.T, of string, rows ...history.Row) chart {
	t.Helper()
	shelf, err := newShelf(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, p := periodOf(of, noon)
	return p.chart(shelf.texts[english], "calls", "Calls", plainScale, series{"calls", "accent", p.perSecond(rows, func(v history.Values) int64 {
		return v.Sum(history.Calls)
	})})
}

// TestChartOfCounts: calls are shown by the second, whatever a step of the chart is, and the step
// that has just begun is left out.
func TestChartOfCounts(t *testing.T) {
	t.Parallel()
	row := func(ago time.Duration, calls int64) history.Row {
		return history.Row{At: noon.Add(-ago).Truncate(time.Minute), Values: history.Values{"default:BindAxn": {0, 0, 0, 0, calls}}}
	}
	rows := []history.Row{row(100*time.Hour, 9999), row(2*time.Minute, 600), row(time.Minute, 120), row(0, 5)}
	c := drawn(t, "1h", rows...)
	if c.Summary != "calls: now 2, at most 10" || len(c.Rows) != 60 || !c.Rows[0].At.Equal(noon.Truncate(time.Minute).Add(-time.Minute)) {
		t.Errorf("%q, %d rows", c.Summary, len(c.Rows))
	}
	if diff := cmp.Diff([]string{"2"}, c.Rows[0].Values); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(c.Lines[0].Path, "M"); n != 1 {
		t.Errorf("a line of %d pieces: %s", n, c.Lines[0].Path)
	}
	levels := []string{c.Levels[0].Text, c.Levels[1].Text, c.Levels[2].Text}
	if diff := cmp.Diff([]string{"0", "5", "10"}, levels); diff != "" {
		t.Error(diff)
	}
	if c := drawn(t, "24h", rows...); c.Summary != "calls: now 0.80, at most 0.80" {
		t.Errorf("of 15 minutes: %q", c.Summary)
	}
}

// TestChartOfGaps: where nothing was sampled a line has a gap, one sample between two gaps is a
// dot, and a chart of nothing says so.
func TestChartOfGaps(t *testing.T) {
	t.Parallel()
	_, p := periodOf("1h", noon)
	sample := func(minutes, free int64) history.Row {
		return history.Row{At: p.since.Add(time.Duration(minutes) * time.Minute), Values: history.Values{"FC1": {free}}}
	}
	values := p.most([]history.Row{sample(0, 5), sample(1, 7), sample(10, 3), {At: p.since.Add(20 * time.Minute)}}, func(v history.Values) (float64, bool) {
		_, known := v["FC1"]
		return float64(v.Of("FC1", history.Free)), known
	})
	if line := outline(values, niceTop(7)); strings.Count(line, "M") != 2 || strings.Count(line, "L") != 1 {
		t.Errorf("the line is %s", line)
	}
	for _, v := range []int{2, 9, 11, 20} {
		if !math.IsNaN(values[v]) {
			t.Errorf("minute %d has %f", v, values[v])
		}
	}
	shelf, err := newShelf(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if c := p.chart(shelf.texts[english], "x", "X", plainScale, series{"x", "accent", p.most(nil, nil)}); !c.Empty || c.Lines != nil {
		t.Errorf("%+v", c)
	}
}

// TestNiceTop: a scale ends at a round number, no less than what is shown.
func TestNiceTop(t *testing.T) {
	t.Parallel()
	for most, want := range map[float64]float64{0: 1, 0.003: 0.004, 0.5: 0.5, 1: 1, 3: 4, 7: 10, 11: 20, 499: 500, 123456: 200000} {
		if got := niceTop(most); math.Abs(got-want) > want/1e6 {
			t.Errorf("%g: %g, want %g", most, got, want)
		}
	}
}
