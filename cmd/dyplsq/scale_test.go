package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// allScale is the variable that lets tests of scale run whole; make scale sets it. Without it they are short.
const allScale = "DYPLSQ_SCALE"

func wholeScale() bool { return os.Getenv(allScale) != "" }

// metric reads one value of a worker's metrics, named with its labels; without them it is the sum over all of that name.
func metric(t *testing.T, page, name string) float64 {
	t.Helper()
	sum, found := 0.0, false
	for line := range splitLines(page) {
		series, text, ok := strings.Cut(line, " ")
		if !ok || series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		t.Fatalf("no %s among the metrics", name)
	}
	return sum
}
