package dashboard

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestConsoleButtons presses what changes something: it asks first, says what was done, and the
// audit has it.
func TestConsoleButtons(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	d := newDay(t)
	url := d.dash(t)
	b.login("eve", systemtest.DashPassword)
	b.page(t, url+"console/tasks", "tomorrow/morning")
	press := func(what, path string, texts []string, steps ...chromedp.Action[chromedp.Void]) string {
		t.Helper()
		b.do(t, what, append([]chromedp.Action[chromedp.Void]{chromedp.Navigate(url + path)}, steps...)...)
		return b.shows(t, what, texts...)
	}
	typed := func(name, text string) chromedp.Action[chromedp.Void] {
		return chromedp.SendKeys(fmt.Sprintf(`//input[@name=%q]`, name), text)
	}
	click := func(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(selector) }
	const submit = `//main//button[@type="submit"]`

	press("search", "console/tasks", []string{"order-20261137105", "What happened"}, typed("q", "order-20261137105"), click(`//form[@role="search"]//button`))
	press("filter", "console/tasks", []string{"order-20261137130", "isv.NO_AVAILABLE_NUMBER"}, typed("code", "isv.NO_AVAILABLE_NUMBER"), click(`//form[@role="search"]//button`))
	press("cancel", "console/task?id=tomorrow/morning", []string{`role="status">The task is withdrawn`, "dyplsq.Canceled"},
		click(`//a[contains(., "Cancel")]`), typed("reason", "the shop is closed"), click(submit))
	press("retry", "console/task?id=order-20261137132", []string{`role="status">The task runs again`}, click(`//a[contains(., "Try again")]`), typed("reason", "a new list"), click(submit))
	press("settle as failed", "console/uncertain", []string{`role="status">The task is settled as failed`},
		click(`//article[contains(., "order-20261137140")]//a[contains(., "It did not")]`), typed("reason", "not on the platform"), click(submit))
	press("call again", "console/task?id=order-20261137142", []string{`role="status">The call is made again`},
		click(`//a[contains(., "Call again")]`), typed("reason", "looked"), click(`//input[@name="looked"]`), click(submit))
	press("settle as succeeded", "console/task?id=order-20261137141", []string{`role="status">The task is settled as succeeded`}, click(`//a[contains(., "It took effect")]`),
		typed("SubsId", "1000000000042"), typed("SecretNo", "17000000042"), typed("reason", "it is there"), click(submit))
	press("try many again", "console/tasks?state=failed&code=isv.PHONE_NUMBER_ILLEGAL", []string{"1 of 1 tasks are done."},
		click(`//main//a[contains(., "Try again")]`), typed("reason", "numbers mended"), click(submit))
	whole := press("whole numbers", "console/task?id=order-20261137130", []string{"This look is in the audit"}, click(`//button[contains(., "Show whole numbers")]`))
	if !strings.Contains(whole, "13900000030") {
		t.Errorf("whole numbers are not shown:\n%s", systemtest.Tail(whole))
	}
	b.listen(t, d, url)
	b.endpoints(t, url)
	b.page(t, url+"console/audit?size=100", "the shop is closed", "a new list", "not on the platform", "looked at whole numbers", "order-20261137142", "a complaint", "it is back", "it lost its database")
	b.click(t, url+"console/tasks", `//a[@hreflang="zh-CN"]`)
	b.shows(t, "the other language", `lang="zh-CN"`, html.EscapeString("任务"))
	b.click(t, url+"console/tasks", `//button[@id="live"]`)
	b.shows(t, "a paused page", "已暂停刷新")
	b.click(t, url+"console/tasks", `//nav//a[@href="/"]`)
	b.shows(t, "asynqmon", `class="console-link"`)
	if complaints := b.complained(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// listen plays a recording that was kept.
func (b *browser) listen(t *testing.T, d *day, home string) {
	t.Helper()
	var call string
	for id, c := range d.CallRecords(t) {
		if c.Recording.Location != "" {
			call = id
		}
	}
	b.do(t, "listen", chromedp.Navigate(home+"console/call?id="+call),
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
