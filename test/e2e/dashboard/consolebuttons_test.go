package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestConsoleButtons presses what changes something, in both languages, light and dark: it asks
// first, says what was done, and the audit has it.
func TestConsoleButtons(t *testing.T) {
	t.Parallel()
	t.Run("in English, light", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skip("the other language has the same buttons")
		}
		pressEverything(t, "en", "light")
	})
	t.Run("in Chinese, dark", func(t *testing.T) {
		t.Parallel()
		pressEverything(t, "zh", "dark")
	})
}

func pressEverything(t *testing.T, language, theme string) {
	t.Helper()
	b := newBrowser(t)
	d := newDay(t)
	url := d.dash(t)
	b.login("eve", systemtest.DashPassword)
	b.theme(t, theme)
	b.page(t, url+"console/language?to="+language+"&back=/console/tasks", `lang="`+language, "tomorrow/morning")
	text := consoleTexts(t, language)
	press := func(what, path string, texts []string, steps ...chromedp.Action[chromedp.Void]) string {
		t.Helper()
		b.do(t, what, append([]chromedp.Action[chromedp.Void]{chromedp.Navigate(url + path)}, steps...)...)
		return b.shows(t, what, texts...)
	}
	done := func(key string) []string { return []string{`role="status">` + html.EscapeString(text(key))} }

	press("search", "console/tasks", []string{"order-20261137105", html.EscapeString(text("task.timeline"))},
		typed("q", "order-20261137105"), click(`//form[@role="search"]//button`))
	press("filter", "console/tasks", []string{"order-20261137130", `value="isv.NO_AVAILABLE_NUMBER"`}, typed("code", "isv.NO_AVAILABLE_NUMBER"), click(`//form[@role="search"]//button`))
	press("cancel", "console/task?id=tomorrow/morning", append(done("done.cancel"), "dyplsq.Canceled"), choose("cancel"), typed("reason", "the shop is closed"), click(submit))
	press("retry", "console/task?id=order-20261137132", done("done.retry"), choose("retry"), typed("reason", "a new list"), click(submit))
	press("settle as failed", "console/uncertain", done("done.failed"),
		click(`//article[contains(., "order-20261137140")]//a[contains(@href, "do=failed")]`), typed("reason", "not on the platform"), click(submit))
	press("call again", "console/task?id=order-20261137142", done("done.again"), choose("again"), typed("reason", "looked"), click(`//input[@name="looked"]`), click(submit))
	press("settle as succeeded", "console/task?id=order-20261137141", done("done.succeeded"), choose("succeeded"),
		typed("SubsId", "1000000000042"), typed("SecretNo", "17000000042"), typed("reason", "it is there"), click(submit))
	press("try many again", "console/tasks?state=failed&code=isv.PHONE_NUMBER_ILLEGAL", []string{html.EscapeString(fmt.Sprintf(text("carried.done"), "1", "1"))},
		click(`//main//a[contains(@href, "verb=retry")]`), typed("reason", "numbers mended"), click(submit))
	whole := press("whole numbers", "console/task?id=order-20261137130", []string{html.EscapeString(text("task.whole"))}, click(`//form[contains(@action, "whole")]//button`))
	if !strings.Contains(whole, "13900000030") {
		t.Errorf("whole numbers are not shown:\n%s", systemtest.Tail(whole))
	}
	b.listen(t, d, url)
	for _, page := range []string{"call?id=", "recordings?"} {
		lost := d.lose(t)
		press("fetch a recording again from "+page, "console/"+page+lost, done("done.recording"),
			chromedp.SendKeys(fetchAgain+`//input[@name="reason"]`, "found on the platform"), click(fetchAgain+`//button`))
		redistest.Poll(t, systemtest.StartWithin, "the recording to be kept again", func(context.Context) error {
			if state := d.CallRecords(t)[lost].Recording.State; state != calls.RecordingKept { //nolint:contextcheck // the test's own
				return errors.New(string(state))
			}
			return nil
		})
	}
	b.endpoints(t, url)
	b.page(t, url+"console/audit?size=100", "the shop is closed", "a new list", "not on the platform", "order-20261137142", "a complaint",
		"found on the platform", "it is back", "it lost its database", html.EscapeString(text("audit.action.numbers.show")))
	b.click(t, url+"console/tasks", `//button[@id="live"]`)
	b.shows(t, "a paused page", html.EscapeString(text("common.paused")))
	other := map[string]string{"en": "zh-CN", "zh": "en"}[language]
	b.click(t, url+"console/tasks", fmt.Sprintf(`//a[@hreflang=%q]`, other))
	b.shows(t, "the other language", `lang="`+other)
	b.click(t, url+"console/tasks", `//nav//a[@href="/"]`)
	b.shows(t, "asynqmon", `class="console-link"`)
	if complaints := b.complained(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

const (
	submit     = `//main//button[@type="submit"]`
	fetchAgain = `//form[@action="/console/recordings" and @method="post"]`
)

func click(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(selector) }

// choose presses what leads to the question whether something is meant.
func choose(what string) chromedp.Action[chromedp.Void] {
	return click(fmt.Sprintf(`//main//a[contains(@href, "do=%s")]`, what))
}

func typed(name, text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(fmt.Sprintf(`//input[@name=%q]`, name), text)
}

// consoleTexts are what the console says in a language.
func consoleTexts(t *testing.T, language string) func(key string) string {
	t.Helper()
	files, err := filepath.Glob("../../../cmd/dyplsq/internal/console/texts/" + language + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no texts in %s: %v", language, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &texts)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(key string) string {
		t.Helper()
		if texts[key] == "" {
			t.Fatalf("the console has no text %s in %s", key, language)
		}
		return texts[key]
	}
}

// keptRecording is a call of which the recording is kept.
func (d *day) keptRecording(t *testing.T) (id string) {
	t.Helper()
	for id, c := range d.CallRecords(t) {
		if c.Recording.Location != "" && c.Recording.State == calls.RecordingKept {
			return id
		}
	}
	t.Fatal("no recording is kept")
	return ""
}

// lose has a recording be one that the platform did not have.
func (d *day) lose(t *testing.T) (id string) {
	t.Helper()
	// A keeper takes what it has kept off those that are missing, after it has told that.
	redistest.Poll(t, systemtest.StartWithin, "the keeper to be done", func(ctx context.Context) error {
		missing, err := d.Calls(t).MissingRecordings(ctx)
		if err == nil && missing.Tried+missing.Lost > 0 {
			err = fmt.Errorf("%+v", missing)
		}
		return err
	})
	id = d.keptRecording(t)
	client := d.Redis.Client(t)
	_, err := client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.HSet(t.Context(), "dypls:call:{"+id+"}", "recording:state", string(calls.RecordingLost), "recording:reason", "isv.RECORD_NOT_EXIST")
		p.ZAdd(t.Context(), "dypls:recordings:{index}:missing", redis.Z{Score: float64(time.Now().UnixMilli()), Member: id})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// listen plays a recording that was kept.
func (b *browser) listen(t *testing.T, d *day, home string) {
	t.Helper()
	b.do(t, "listen", chromedp.Navigate(home+"console/call?id="+d.keptRecording(t)),
		chromedp.SendKeys(`//form[@action="/console/call/listen"]//input[@name="reason"]`, "a complaint"),
		chromedp.Click(`//form[@action="/console/call/listen"]//button`))
	if page := b.shows(t, "the player", "<audio"); strings.Contains(page, d.archive) {
		t.Error("the page shows where the recording is stored")
	}
	status := evaluate[int](t, b, `fetch(document.querySelector("audio").src).then(r => r.arrayBuffer().then(a => a.byteLength > 1000 ? r.status : 0))`)
	if status != http.StatusOK {
		t.Errorf("the recording is answered %d", status)
	}
}

// endpoints enables one that had gone, and tells one again.
func (b *browser) endpoints(t *testing.T, home string) {
	t.Helper()
	const enable, again = `//form[@action="/console/callbacks/enable"]`, `//section[contains(., "orders")]`
	b.do(t, "enable an endpoint", chromedp.Navigate(home+"console/callbacks"),
		chromedp.SendKeys(enable+`//input[@name="reason"]`, "it is back"), chromedp.Click(enable+`//button`))
	b.shows(t, "an endpoint that is enabled", `role="status"`)
	b.do(t, "tell an endpoint again", chromedp.Navigate(home+"console/callbacks"), chromedp.Click(again+`//summary`),
		chromedp.SendKeys(again+`//details//input[@name="reason"]`, "it lost its database"), chromedp.Click(again+`//details//button`))
	b.shows(t, "an endpoint that is told again", `role="status"`)
}
