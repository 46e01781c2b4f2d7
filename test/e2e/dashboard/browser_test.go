package dashboard

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	// requireChromium turns a skip for want of Chromium into a failure.
	requireChromium = "DYPLSQ_REQUIRE_CHROMIUM"
	// screenshotTo is the folder where the pictures of the documentation are written, when they are to
	// be made anew.
	screenshotTo = "DYPLSQ_SCREENSHOT"
)

// browser is a real Chromium without a window, that notes whom it asks and what it complains of.
type browser struct {
	ctx context.Context

	mu         sync.Mutex
	user, pass string // typed in when it is asked for them
	asked      []string
	complaints []string
}

const pageWithin = 2 * time.Minute

// theBrowser lets one test have a browser at a time: each keeps a core busy.
var theBrowser sync.Mutex

// newBrowser starts Chromium, which ends with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	theBrowser.Lock()
	t.Cleanup(theBrowser.Unlock)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.IgnoreCertErrors,
		chromedp.WindowSize(1280, 1000), chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")),
		chromedp.DisableGPU, chromedp.WSURLReadTimeout(pageWithin))
	allocated, endAllocation := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(func() { end(); endAllocation() })
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	if _, err := chromedp.Call(ctx, fetch.Enable, fetch.EnableParams{HandleAuthRequests: new(true)}); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(requireChromium) != "" {
		t.Fatalf("Chromium is not installed, and %s is set", requireChromium)
	}
	t.Skip("needs Chromium, which is not installed")
	return ""
}

func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *cdplog.EventEntryAdded:
		// as a test asked for
		refused := e.Entry.Source == cdplog.EntrySourceNetwork && strings.Contains(e.Entry.Text, "responded with a status of")
		if e.Entry.Level == cdplog.EntryLevelError && !refused || e.Entry.Source == cdplog.EntrySourceSecurity {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *fetch.EventRequestPaused:
		go b.goOn(func() error {
			_, err := chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
			return err
		})
	case *fetch.EventAuthRequired:
		typed := &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
		if b.user != "" {
			typed = &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: b.user, Password: b.pass}
			b.user = "" // once: it is asked again when they are wrong
		}
		go b.goOn(func() error {
			_, err := chromedp.Call(b.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: e.RequestID, AuthChallengeResponse: typed})
			return err
		})
	}
}

// goOn lets a request go on, from a goroutine of its own: the browser's next words are read by the
// one that noted it. It fails only where the page has gone meanwhile.
func (b *browser) goOn(call func() error) { _ = call() }

// login sets what is typed in when a page asks for name and password next.
func (b *browser) login(user, password string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.user, b.pass = user, password
}

// do does something on the page, within a generous time.
func (b *browser) do(t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v\nthe page:\n%s\ncomplaints: %q", what, err, systemtest.Tail(b.html(t)), b.complained())
	}
}

// page opens an address and returns what is on the page once all texts are there.
func (b *browser) page(t *testing.T, address string, texts ...string) string {
	t.Helper()
	b.do(t, "open "+address, chromedp.Navigate(address))
	return b.shows(t, address, texts...)
}

// shows waits for texts, as a person reads them, and returns the page as HTML.
func (b *browser) shows(t *testing.T, what string, texts ...string) string {
	t.Helper()
	redistest.Poll(t, pageWithin, what+" to show its texts", func(context.Context) error {
		html := b.html(t)
		for _, text := range texts {
			if !strings.Contains(html, text) {
				return fmt.Errorf("it does not show %q:\n%s", text, systemtest.Tail(html))
			}
		}
		return nil
	})
	return b.html(t)
}

func (b *browser) html(t *testing.T) string {
	t.Helper()
	html, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	if err != nil {
		t.Logf("read the page: %v", err)
	}
	return html
}

// click presses with the mouse, one after the other, what selectors (XPaths) find on a page once it
// can be seen. The page draws itself anew now and then, and what was just found is gone or has
// moved: then it begins again.
func (b *browser) click(t *testing.T, address string, selectors ...string) {
	t.Helper()
	const once = 10 * time.Second
	redistest.Poll(t, pageWithin, fmt.Sprintf("clicks on %q", selectors), func(context.Context) error {
		ctx, cancel := context.WithTimeout(b.ctx, once)
		defer cancel()
		steps := []chromedp.Action[chromedp.Void]{chromedp.Navigate(address)}
		for _, selector := range selectors {
			steps = append(steps, chromedp.Click(selector, chromedp.NodeVisible, chromedp.NodeEnabled))
		}
		return chromedp.Do(ctx, steps...) //nolint:contextcheck // the browser's own
	})
}

// screenshot writes a picture of the page into the folder that screenshotTo names, if it does.
func (b *browser) screenshot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv(screenshotTo)
	if folder == "" {
		return
	}
	b.do(t, "wait for the fonts", chromedp.Evaluate[chromedp.Void](`document.fonts.ready`, chromedp.EvalAwaitPromise))
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), picture, 0o600); err != nil { //nolint:gosec // who runs the test names the folder
		t.Error(err)
	}
}

// elsewhere returns the addresses it asked that are of neither home.
func (b *browser) elsewhere(t *testing.T, homes ...string) (others []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) == 0 {
		t.Error("no request was noted")
	}
	for _, address := range b.asked {
		if !strings.HasPrefix(address, "data:") && !slices.ContainsFunc(homes, func(home string) bool { return strings.HasPrefix(address, home) }) {
			others = append(others, address)
		}
	}
	return others
}

// complained returns what the browser found wrong, such as what the policy of a page forbids.
func (b *browser) complained() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.complaints...)
}
