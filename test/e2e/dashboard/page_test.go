package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestDashboardInABrowser opens the dashboard of a network in a real browser: it logs in, reads the
// queues and a failed task with its masked payload, and, where actions are allowed, tries it again
// with a click. Nothing is asked of another host.
func TestDashboardInABrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.NO_AVAILABLE_NUMBER", Times: 2},
		{Match: map[string]string{"PhoneNoA": "13900000008"}, Do: dyplstest.DropAfter},
	}})
	s.Worker(t)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, `,"ExpectCity":"北京"`), "--id", "order-9", "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(9, ""), "--id", "shop/7", "--wait", "20s")
	s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(8, ""), "--id", "order-8", "--wait", "20s")
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--id", "order-7", "--in", "1h")
	cert, key := systemtest.Certificate(t)
	door := []string{"--listen", "0.0.0.0:0", "--auth", systemtest.PasswordFile(t), "--tls-cert", cert, "--tls-key", key}
	url := s.Dash(t, door...)

	b.login("ann", "wrong")
	b.page(t, url, "name and password, please")
	b.login("ann", systemtest.DashPassword)
	overview := b.page(t, url, ">bind<", ">unbind<", ">update<", ">query<")
	b.screenshot(t, "dashboard.png")
	fonts, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](
		`document.fonts.ready.then(all => [...all].filter(f => f.family == "Roboto" && f.status == "loaded").length)`, chromedp.EvalAwaitPromise))
	if err != nil || fonts == 0 {
		t.Errorf("%d fonts of ours are in use, %v", fonts, err)
	}
	failed := b.page(t, url+"queues/bind?status=archived",
		"isv.NO_AVAILABLE_NUMBER (Exhausted)", "139****0009", "dyplsq.NoAnswer (Uncertain)", "139****0008")
	b.screenshot(t, "dashboard-failed.png")
	if strings.Contains(failed, `title="Run"`) || strings.Contains(failed, `type="checkbox"`) {
		t.Error("a dashboard that only reads shows buttons")
	}
	b.click(t, url+"queues/bind?status=archived", `//tr[contains(., "shop/7")]`)
	slash := b.shows(t, "the task whose id has a slash", "shop/7.1", "isv.NO_AVAILABLE_NUMBER", "139****0009")
	b.page(t, url+"queues/bind/tasks/shop/7.1", "shop/7.1", "139****0009")
	task := b.page(t, url+"queues/bind/tasks/order-9.1", "order-9.1", "isv.NO_AVAILABLE_NUMBER", "139****0009", "北京")
	pages := map[string]string{"overview": overview, "failed": failed, "slash": slash, "task": task}
	for path, text := range map[string]string{
		"queues/bind?status=scheduled": "139****0007", "queues/bind?status=completed": "Completed", "servers": "Active Workers",
		"schedulers": "No entries", "redis": "redis_version", "settings": "Polling", "queues/bind?status=active": "Active", "elsewhere": "404",
	} {
		pages[path] = b.page(t, url+path, text)
	}
	for name, page := range pages {
		systemtest.NoNumbers(t, "the page "+name, page)
	}
	b.page(t, url, ">bind<") // the last of those was any of them
	refused, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](
		`fetch("/api/queues/bind/archived_tasks/order-9.1:run", {method: "POST"}).then(r => r.status)`, chromedp.EvalAwaitPromise))
	if err != nil || refused != http.StatusMethodNotAllowed {
		t.Errorf("an action on a dashboard that only reads: %d, %v", refused, err)
	}

	acting := s.Dash(t, append(door, "--allow-actions")...)
	b.login("ann", systemtest.DashPassword)
	b.page(t, acting+"queues/bind?status=archived", "order-9", "shop/7")
	for id, state := range map[string]tasks.State{"order-9": tasks.StateSucceeded, "shop/7": tasks.StateSucceeded} {
		row := fmt.Sprintf(`//tr[contains(., %q)]`, id)
		// The triangle is named by its shape: a tooltip that is open takes the button's name away.
		b.click(t, acting+"queues/bind?status=archived", row+`/td[last()]//button`, row+`//button[.//*[@d="M8 5v14l11-7z"]]`)
		becomes(t, s, id, state, "OK")
	}
	if others := b.elsewhere(t, url, acting); len(others) > 0 {
		t.Errorf("the pages asked elsewhere: %q", others)
	}
	if complaints := b.complained(); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// TestDashboardIsReadOnly: nothing on it changes anything.
func TestDashboardIsReadOnly(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--id", "order-7", "--in", "1h")
	url := s.Dash(t)
	for _, action := range []string{"queues/bind:pause", "queues/bind/scheduled_tasks/order-7.1:run", "queues/bind/scheduled_tasks:delete_all"} {
		for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch} {
			if status, text := systemtest.Do(t, method, url+"api/"+action, ""); status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d %s", method, action, status, text)
			}
		}
	}
}
