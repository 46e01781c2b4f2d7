package worker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// waitForSpans waits until so many have ended.
func waitForSpans(t *testing.T, recorder *tracetest.SpanRecorder, n int) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "all spans", func(context.Context) error {
		if got := len(recorder.Ended()); got < n {
			return fmt.Errorf("%d of %d have ended", got, n)
		}
		return nil
	})
}

// changing are the attributes whose values differ from run to run.
var changing = []string{"dyplsq.quota_wait", "dyplsq.request_id", "server.address", "server.port"}

// textOf writes spans in the order in which they began, each with what it is below or linked to.
func textOf(spans []sdk.ReadOnlySpan) string {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b sdk.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	names := map[string]string{}
	for _, s := range spans {
		names[s.SpanContext().SpanID().String()] = s.Name()
	}
	var text strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&text, "%s (%s)", s.Name(), s.SpanKind())
		if s.Parent().IsValid() {
			fmt.Fprintf(&text, " below %s", names[s.Parent().SpanID().String()])
		}
		for _, link := range s.Links() {
			fmt.Fprintf(&text, " linked to %s", names[link.SpanContext.SpanID().String()])
		}
		text.WriteString("\n")
		if status := s.Status(); status.Code != codes.Unset {
			fmt.Fprintf(&text, "  %s: %s\n", status.Code, status.Description)
		}
		var lines []string
		for _, a := range s.Attributes() {
			value := a.Value.String()
			if slices.Contains(changing, string(a.Key)) {
				value = "…"
			}
			lines = append(lines, fmt.Sprintf("  %s = %s\n", a.Key, value))
		}
		slices.Sort(lines)
		text.WriteString(strings.Join(lines, ""))
	}
	return text.String()
}

// golden compares a text with a file, or writes it there.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got, or run it with -update:\n%s", diff)
	}
}
