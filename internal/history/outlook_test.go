package history_test

import (
	"math"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
)

// TestOutlook: what is said of a pool, and of how much of a day; little is no trend.
func TestOutlook(t *testing.T) {
	t.Parallel()
	const total = 1000
	for name, test := range map[string]struct {
		hours   int
		taken   func(hour float64) float64
		added   int64 // to what is free, imported after half of the time
		known   bool
		perHour float64
		empty   time.Duration // from now; 0 for not
	}{
		"nothing known":     {hours: 0},
		"an hour":           {hours: 1, taken: func(h float64) float64 { return 100 * h }},
		"5 hours":           {hours: 5, taken: func(h float64) float64 { return 100 * h }},
		"steadily less":     {hours: 24, taken: func(h float64) float64 { return 20 * h }, known: true, perHour: 20, empty: 26 * time.Hour},
		"6 hours":           {hours: 6, taken: func(h float64) float64 { return 50 * h }, known: true, perHour: 50, empty: 14 * time.Hour},
		"more imported":     {hours: 24, taken: func(h float64) float64 { return 20 * h }, added: 200, known: true, perHour: 20, empty: 36 * time.Hour},
		"steady":            {hours: 24, taken: func(float64) float64 { return 300 }, known: true},
		"some come back":    {hours: 24, taken: func(h float64) float64 { return 900 - 10*h }, known: true, perHour: -10},
		"as every day":      {hours: 24, taken: func(h float64) float64 { return 300 + 200*math.Sin(h*math.Pi/12) }, known: true, perHour: -2.1},
		"hardly any":        {hours: 24, taken: func(h float64) float64 { return 300 + h/30 }, known: true, perHour: 0.033},
		"empty":             {hours: 24, taken: func(float64) float64 { return total }, known: true, empty: 1},
		"of a day, not two": {hours: 48, taken: func(h float64) float64 { return min(h, 24) * 20 }, known: true, perHour: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rows []history.Row
			for m := 0; m <= test.hours*60 && test.hours > 0; m += 5 {
				taken := int64(test.taken(float64(m) / 60))
				v := history.Values{"other": {1}, "FC1": {total - taken, taken / 3, taken / 3, taken - 2*(taken/3), 0, 0}}
				if m > test.hours*30 {
					v["FC1"][history.Free] += test.added
				}
				rows = append(rows, history.Row{At: noon.Add(time.Duration(m-test.hours*60) * time.Minute), Values: v})
			}
			o := history.OutlookOf("FC1", rows)
			if o.Known != test.known || math.Abs(o.PerHour-test.perHour) > 0.5 || o.Of > 24*time.Hour {
				t.Errorf("%+v", o)
			}
			switch in := o.Empty.Sub(noon); {
			case test.empty == 0 && !o.Empty.IsZero():
				t.Errorf("is empty in %s, want never", in)
			case test.empty == 1 && in != 0:
				t.Errorf("is empty in %s, want now", in)
			case test.empty > 1 && (o.Empty.IsZero() || (in-test.empty).Abs() > time.Hour):
				t.Errorf("is empty in %s, want %s", in, test.empty)
			}
		})
	}
}
