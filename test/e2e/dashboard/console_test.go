package dashboard

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// axe looks for what keeps people out: https://github.com/dequelabs/axe-core, as npm has it.
//
//go:embed testdata/axe.min.js
var axe string

// dayNumber is a number of the day: of a rider or a driver, of an X, or of who called.
var dayNumber = regexp.MustCompile(`\b1(39|70|71)\d{8}\b`)

// TestConsoleInABrowser follows every link of the console in both languages, light and dark,
// wide and narrow. Nobody is kept out by how pages are drawn, nothing is asked of another
// host, and no number is shown.
func TestConsoleInABrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	d := newDay(t)
	home := d.dash(t)
	b.login("eve", systemtest.DashPassword)
	if first := b.page(t, home, `class="console-link"`); !strings.Contains(first, `href="/console/"`) {
		t.Error("asynqmon's page does not lead to the console")
	}
	languages, themes := []string{"en", "zh"}, []string{"light", "dark"}
	if testing.Short() {
		languages, themes = languages[1:], themes[1:]
	}
	for _, language := range languages {
		b.page(t, home+"console/language?to="+language+"&back=/console/tasks", `lang="`+language)
		for _, theme := range themes {
			b.theme(t, theme)
			kinds := b.walk(t, home+"console/", func(kind, name, page string, first bool) {
				what := name + " in " + language + ", " + theme
				if number := dayNumber.FindString(page); number != "" {
					t.Errorf("%s holds the number %s", what, number)
				}
				b.accessible(t, what)
				b.narrow(t, what)
				if first {
					b.picture(t, kind+"-"+language+"-"+theme+".png")
				}
			})
			for _, page := range []string{"now", "tasks", "task", "confirm", "bulk", "uncertain", "calls", "call", "recordings", "numbers", "pool", "callbacks", "audit"} {
				if !slices.Contains(kinds, page) {
					t.Errorf("no link leads to the page %s; to these: %q", page, kinds)
				}
			}
		}
	}
	if found := b.violations(t, `document.querySelector("main").append(new Image());`); len(found) == 0 {
		t.Error("axe finds nothing wrong with a picture that has no text")
	}
	if others := b.elsewhere(t, home); len(others) > 0 {
		t.Errorf("asked of others: %q", others)
	}
	if complaints := b.complained(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// walk opens a page and whatever its links lead to below it, some of each
// kind, and returns the kinds.
func (b *browser) walk(t *testing.T, from string, see func(kind, name, page string, first bool)) (kinds []string) {
	t.Helper()
	most := map[string]int{"tasks": 5, "task": 4, "confirm": 5}
	seen, times := map[string]bool{}, map[string]int{}
	for waiting := []string{from}; len(waiting) > 0; waiting = waiting[1:] {
		address, err := url.Parse(waiting[0])
		if err != nil {
			t.Fatal(err)
		}
		address.Fragment = ""
		kind := strings.TrimPrefix(address.Path, "/console/")
		if !strings.HasPrefix(address.String(), from) || kind == "language" || seen[address.String()] || times[kind] == max(2, most[kind]) {
			continue
		}
		seen[address.String()] = true
		times[kind]++
		page := b.page(t, address.String(), "</h1>")
		see(cmp.Or(kind, "home"), address.RequestURI(), page, times[kind] == 1)
		waiting = append(waiting, evaluate[[]string](t, b, `[...document.querySelectorAll("a[href]")].map(a => a.href)`)...)
	}
	return slices.Sorted(maps.Keys(times))
}

// evaluate returns the value of an expression on the page, or what its promise comes to.
func evaluate[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", expression, err)
	}
	return value
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

// violation is something that keeps people out.
type violation struct {
	ID, Help string
	Nodes    []string
}

// accessible fails where axe finds that a page keeps somebody out.
func (b *browser) accessible(t *testing.T, what string) {
	t.Helper()
	for _, v := range b.violations(t, "") {
		t.Errorf("%s: %s: %s: %.900q", what, v.ID, v.Help, v.Nodes)
	}
}

// violations are what axe finds on the page, after a change to it.
func (b *browser) violations(t *testing.T, change string) (found []violation) {
	t.Helper()
	text := evaluate[string](t, b, axe+`;`+change+`axe.run().then(r => JSON.stringify(
		r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	return found
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
