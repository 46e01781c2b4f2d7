package figure

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// None stands for what was not measured.
func None() float64 { return math.NaN() }

// Median returns the middle one, or the mean of the two in the middle. What was not measured is
// left out.
func Median(values []float64) float64 {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(sorted) == 0 {
		return None()
	}
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Percentile returns the smallest duration that at least p of 100 do not exceed, 0 where there is
// none.
func Percentile(durations []time.Duration, p float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Ratio returns a / b, None where there is no such thing.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return None()
	}
	return a / b
}

// Ratios divides what was measured in the same round.
func Ratios(a, b []float64) []float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = Ratio(a[i], b[i])
	}
	return ratios
}

// Format writes a number with so many decimals and thousands apart, as 12,345.6; what was not
// measured is a dash.
func Format(value float64, decimals int) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "-"
	}
	text := strconv.FormatFloat(math.Abs(value), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	const group = 3
	for at := len(whole) - group; at > 0; at -= group {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if value < 0 && strings.Trim(text, "0.") != "" {
		whole = "-" + whole
	}
	return whole
}

// Milliseconds writes a duration in ms: with a decimal below 10 ms. Zero was not measured.
func Milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d == 0:
		return "-"
	case ms < 10:
		return Format(ms, 1)
	default:
		return Format(ms, 0)
	}
}
