package dashboard

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// axe looks for what keeps people out: https://github.com/dequelabs/axe-core, as npm has it.
//
//go:embed testdata/axe.min.js
var axe string

// workingDay is a system on which a day's work was done: most of it well.
func workingDay(t *testing.T) *systemtest.System {
	t.Helper()
	of := func(a int) map[string]string { return map[string]string{"PhoneNoA": fmt.Sprintf("139%08d", a)} }
	faults := []dyplstest.Fault{{Action: "BindAxn", Match: of(11), Code: "isv.FLOW_LIMIT", Times: 2}}
	for i, code := range []string{"isv.NO_AVAILABLE_NUMBER", "isv.NO_AVAILABLE_NUMBER", "isv.PHONE_NUMBER_ILLEGAL", "isv.NO_AVAILABLE_NUMBER"} {
		faults = append(faults, dyplstest.Fault{Match: of(30 + i), Code: code})
	}
	for i := range 3 {
		faults = append(faults, dyplstest.Fault{Match: of(40 + i), Do: dyplstest.DropAfter, Times: 1})
	}
	s := systemtest.New(t, dyplstest.Config{Faults: faults})
	s.Worker(t)
	var lines strings.Builder
	for i := range 48 {
		fmt.Fprintln(&lines, systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"order-2026113%04d"`, 7100+i)))
	}
	r := systemtest.Run(t, s.Env, lines.String(), "enqueue", "BindAxn", "-", "--wait", "60s")
	if r.Status != systemtest.StatusFailed || !strings.Contains(r.Errors, "4 failed, 3 uncertain") {
		t.Fatalf("the day went otherwise: %d %s", r.Status, r.Errors)
	}
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(60, ""), "--id", "tomorrow/morning", "--in", "20h")
	return s
}

// roles is a password file with a user of every role.
func roles(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(systemtest.DashPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return systemtest.TempFile(t, fmt.Sprintf("eve:%s:see,operate,numbers,listen\n", hash))
}

var navigated = regexp.MustCompile(`<a href="(/console/[a-z]*)"`)

// TestConsoleInABrowser walks every page in both languages, light and dark, wide and narrow. Nobody
// is kept out by how they are drawn, nothing is asked of another host, and no number is shown.
func TestConsoleInABrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := workingDay(t)
	url := s.Dash(t, "--auth", roles(t), "--allow-actions")
	b.login("eve", systemtest.DashPassword)
	first := b.page(t, url, `class="console-link"`)
	if !strings.Contains(first, `href="/console/"`) {
		t.Error("asynqmon's page does not lead to the console")
	}
	first = b.page(t, url+"console/tasks", "order-20261137147")
	const id = "order-20261137140"
	once := map[string]string{ // drawn like the others: one language and theme will do
		"failed": "console/task?id=order-20261137130", "succeeded": "console/task?id=order-20261137111",
		"settle": "console/confirm?do=succeeded&id=" + id, "nothing": "console/task?id=none",
		"found": "console/tasks?state=failed&code=isv.NO_AVAILABLE_NUMBER", "none": "console/tasks?code=isv.NONE",
	}
	paths := map[string]string{"task": "console/task?id=" + id, "confirm": "console/confirm?do=again&id=" + id, "bulk": "console/bulk?verb=retry&state=failed"}
	for _, m := range navigated.FindAllStringSubmatch(first, -1) {
		paths[strings.Trim(strings.TrimPrefix(m[1], "/console/"), "/")] = strings.TrimPrefix(m[1], "/")
	}
	for _, language := range []string{"en", "zh"} {
		b.page(t, url+"console/language?to="+language+"&back=/console/tasks", map[string]string{"en": `lang="en"`, "zh": `lang="zh-CN"`}[language])
		for _, theme := range []string{"light", "dark"} {
			b.theme(t, theme)
			shown := maps.Clone(paths)
			if theme == "light" && language == "en" {
				maps.Copy(shown, once)
			}
			for name, path := range shown {
				what := name + " in " + language + ", " + theme
				page := b.page(t, url+path, "</h1>")
				systemtest.NoNumbers(t, what, page)
				b.accessible(t, what)
				b.narrow(t, what)
				b.picture(t, name+"-"+language+"-"+theme+".png")
			}
		}
	}
	if others := b.elsewhere(t, url); len(others) > 0 {
		t.Errorf("asked of others: %q", others)
	}
	if complaints := b.complained(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// theme has pages drawn light or dark.
func (b *browser) theme(t *testing.T, theme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// accessible fails where axe finds that a page keeps somebody out.
func (b *browser) accessible(t *testing.T, what string) {
	t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](axe+`; axe.run().then(r => JSON.stringify(
		r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: axe: %v", what, err)
	}
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Errorf("%s: %s: %s: %.900q", what, v.ID, v.Help, v.Nodes)
	}
}

// narrow fails where a page is wider than a telephone.
func (b *browser) narrow(t *testing.T, what string) {
	t.Helper()
	b.do(t, "a telephone", chromedp.EmulateViewport(360, 740))
	width, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	if err != nil || width > 360 {
		t.Errorf("%s is %d wide on a telephone of 360, %v", what, width, err)
	}
	b.do(t, "a desk", chromedp.EmulateViewport(1280, 860))
}

// TestConsoleButtons presses what changes something: it asks first, says what was done, and the
// audit has it.
func TestConsoleButtons(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := workingDay(t)
	url := s.Dash(t, "--auth", roles(t), "--allow-actions")
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
	b.page(t, url+"console/audit", "the shop is closed", "a new list", "not on the platform", "looked at whole numbers", "order-20261137142")
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

// picture writes a picture of the page in few colours, and so in few bytes, into the folder that
// screenshotTo names, if it does, and where the folder has one of that name: those that a page of
// docs shows.
func (b *browser) picture(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join(os.Getenv(screenshotTo), name)
	_, err := os.Stat(file) //nolint:gosec // who runs the test names the folder
	if os.Getenv(screenshotTo) == "" || err != nil {
		return
	}
	full, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	small, err := fewColours(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, small, 0o600); err != nil { //nolint:gosec // who runs the test names the folder
		t.Error(err)
	}
}
