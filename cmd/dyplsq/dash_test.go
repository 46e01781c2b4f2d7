package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const (
	// requireChromium turns a skip for want of Chromium into a failure.
	requireChromium = "DYPLSQ_REQUIRE_CHROMIUM"
	// screenshotTo is where the README's picture is written, when it is to be made anew.
	screenshotTo = "DYPLSQ_SCREENSHOT"
)

// TestDashboard opens the dashboard in a real browser: the queues, and a failed task with its masked payload.
func TestDashboard(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.NO_AVAILABLE_NUMBER"},
		{Match: map[string]string{"PhoneNoA": "13900000008"}, Do: dyplstest.DropAfter},
	}})
	s.worker(t)
	s.enqueue(t, statusOK, "BindAxn", bind(1, ""), "--wait", "20s")
	s.enqueue(t, statusFailed, "BindAxn", bind(9, `,"ExpectCity":"北京"`), "--id", "order-9", "--wait", "20s")
	s.enqueue(t, statusFailed, "BindAxn", bind(8, ""), "--id", "order-8", "--wait", "20s")
	s.enqueue(t, statusOK, "BindAxn", bind(7, ""), "--id", "order-7", "--in", "1h")
	url := s.dash(t)

	overview := browser.page(t, url)
	for _, queue := range []string{"bind", "unbind", "update", "query"} {
		if !regexp.MustCompile(`>`+queue+`<`).MatchString(overview) && !strings.Contains(overview, `/queues/`+queue) {
			t.Errorf("the overview does not show the queue %s", queue)
		}
	}
	failed := browser.page(t, url+"queues/bind?status=archived")
	for _, text := range []string{"isv.NO_AVAILABLE_NUMBER (Exhausted)", "139****0009", "dyplsq.NoAnswer (Uncertain)", "139****0008"} {
		if !strings.Contains(failed, text) {
			t.Errorf("the failed tasks do not show %q:\n%s", text, tail(failed))
		}
	}
	task := browser.page(t, url+"queues/bind/tasks/order-9.1")
	for _, text := range []string{"order-9.1", "isv.NO_AVAILABLE_NUMBER", "139****0009", "北京"} {
		if !strings.Contains(task, text) {
			t.Errorf("the failed task's page does not show %q:\n%s", text, tail(task))
		}
	}
	scheduled := browser.page(t, url+"queues/bind?status=scheduled")
	if !strings.Contains(scheduled, "139****0007") {
		t.Error("the scheduled task's masked payload is not shown")
	}
	for name, page := range map[string]string{"overview": overview, "failed": failed, "task": task, "scheduled": scheduled} {
		noNumbers(t, "the page "+name, page)
	}
	if picture := os.Getenv(screenshotTo); picture != "" {
		browser.screenshot(t, url+"queues/bind?status=archived", picture)
	}
}

// TestDashboardIsReadOnly: nothing on it changes anything.
func TestDashboardIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{})
	s.enqueue(t, statusOK, "BindAxn", bind(7, ""), "--id", "order-7", "--in", "1h")
	url := s.dash(t)
	for _, action := range []string{"queues/bind:pause", "queues/bind/scheduled_tasks/order-7.1:run", "queues/bind/scheduled_tasks:delete_all"} {
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			request, err := http.NewRequestWithContext(t.Context(), method, url+"api/"+action, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, action, response.Status)
			}
		}
	}
}

// dash starts the dashboard and returns its address.
func (s *system) dash(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, s.env, append([]string{"dash", "--listen", "127.0.0.1:0"}, args...)...)
	redistest.Poll(t, startWithin, "the dashboard to be up", p.wrote(`"message":"dashboard"`))
	url := regexp.MustCompile(`http://[^"]+/`).FindString(p.text())
	redistest.Poll(t, startWithin, "the dashboard to know the queue", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"api/queues", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if !strings.Contains(string(body), `"bind"`) {
			return errors.Join(err, fmt.Errorf("not yet: %s", response.Status))
		}
		return err
	})
	return url
}

// headless is a real Chromium without a window.
type headless struct{ path string }

func chromium(t *testing.T) headless {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return headless{path}
		}
	}
	if os.Getenv(requireChromium) != "" {
		t.Fatalf("Chromium is not installed, and %s is set", requireChromium)
	}
	t.Skip("needs Chromium, which is not installed")
	return headless{}
}

// page opens a page, lets its scripts run, and returns what is then on it.
func (h headless) page(t *testing.T, url string) string {
	t.Helper()
	return h.run(t, "--dump-dom", url)
}

func (h headless) screenshot(t *testing.T, url, picture string) {
	t.Helper()
	h.run(t, "--window-size=1280,1000", "--screenshot="+picture, url)
}

func (h headless) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // fonts from elsewhere are not waited for
		"--user-data-dir=" + filepath.Join(t.TempDir(), "profile"), "--virtual-time-budget=8000",
	}, args...)
	cmd := exec.CommandContext(ctx, h.path, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, tail(errs.String()))
	}
	return string(out)
}
