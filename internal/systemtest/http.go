package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// Get returns an answer's status and body.
func Get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	return Do(t, http.MethodGet, url, "")
}

// Do sends a request, whose headers are names and values in turn, and returns the answer's status
// and body.
func Do(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

// Until makes a condition one for redistest.Poll.
func Until(is func() bool) func(context.Context) error {
	return func(context.Context) error {
		if !is() {
			return errors.New("not yet")
		}
		return nil
	}
}

// Readiness is what a worker answers at /readyz.
type Readiness struct {
	Ready  bool             `json:"ready"`
	Checks map[string]Check `json:"checks"`
}

// Check is one of the conditions for it.
type Check struct {
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// ReadinessAt asks a worker, by the address of its metrics and health.
func ReadinessAt(t *testing.T, url string) Readiness {
	t.Helper()
	status, body := Get(t, url+"/readyz")
	var answer Readiness
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if (status == http.StatusOK) != answer.Ready {
		t.Fatalf("status %d with %s", status, body)
	}
	return answer
}

// UntilReady waits until a worker is ready, or is not because of these checks.
func UntilReady(t *testing.T, url string, failing ...string) {
	t.Helper()
	var last Readiness
	redistest.Poll(t, time.Minute, "the checks to be as expected", Until(func() bool {
		last = ReadinessAt(t, url)
		n := 0
		for _, name := range failing {
			if last.Checks[name].OK {
				return false
			}
			n++
		}
		return last.Ready == (n == 0)
	}))
}

// Metric reads one value of a worker's metrics, named with its labels; without them it is the sum
// over all of that name.
func Metric(t *testing.T, page, name string) float64 {
	t.Helper()
	sum, found := 0.0, false
	for line := range Lines(page) {
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
