package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const confirm = "/console/confirm?id="

// TestChanges: what a person decides happens to the task, is said, and stands in the audit.
func TestChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fates())
	w.work()
	for n, id := range map[int]string{2: "failed", 3: "found", 4: "gone", 6: "again"} {
		w.bind(n, id)
	}
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	w.becomes("failed", "failed")
	for _, id := range []string{"found", "gone", "again"} {
		w.becomes(id, "uncertain")
	}
	p := w.as("ann", "en")
	subs := w.bound(t, "13900000003")
	for _, test := range []struct {
		id, do, state, done, action string
		fields                      []string
	}{
		{"later", doCancel, "failed", "The task is withdrawn", audit.Cancel, nil},
		{"failed", doRetry, "failed", "The task runs again", audit.Retry, nil},
		{"found", doSucceeded, "succeeded", "settled as succeeded", audit.Resolve, []string{"SubsId", subs, "SecretNo", "17000000001"}},
		{"gone", doFailed, "failed", "settled as failed", audit.Resolve, nil},
		{"again", doAgain, "succeeded", "The call is made again", audit.Resolve, []string{"looked", "yes"}},
	} {
		from := confirm + test.id + "&do=" + test.do
		p.shows(from, "stands in the audit")
		if status, page := p.post(from, "/console/task", append(test.fields, "id", test.id, "do", test.do)...); status != http.StatusBadRequest {
			t.Errorf("%s without a reason: %d %s", test.do, status, page)
		}
		status, page := p.post(from, "/console/task", append(test.fields, "id", test.id, "do", test.do, "reason", "as agreed with 13900000001")...)
		if status != http.StatusOK || !strings.Contains(page, test.done) {
			t.Errorf("%s: %d %s", test.do, status, page)
		}
		if again := p.shows("/console/tasks"); strings.Contains(again, test.done) {
			t.Error("it is said twice")
		}
		w.becomes(test.id, test.state)
		lines, _, err := w.audit.Read(t.Context(), audit.Filter{Target: test.id})
		if err != nil || len(lines) != 1 || lines[0].By != "ann" || lines[0].Via != audit.Console || lines[0].Action != test.action {
			t.Errorf("%s: the audit has %+v, %v", test.do, lines, err)
		}
	}
	p.shows("/console/audit", "as agreed with 139****0001", "canceled", "settled", "tried again", "later", "found")
	p.shows("/console/audit?target=gone&by=ann", "gone")
	p.shows("/console/audit?by=nobody", "No line matches.")
}

// bound is the SubsId of a binding that the simulator made for an A.
func (w *world) bound(t *testing.T, a string) string {
	t.Helper()
	for _, entry := range w.sim.Ledger() {
		if entry.Parameters["PhoneNoA"] == a && entry.Performed {
			return entry.SubsID
		}
	}
	t.Fatal("nothing was bound for it")
	return ""
}

// TestNothingBindsTwiceUnseen: the call is made again only by whoever said that they looked.
func TestNothingBindsTwiceUnseen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fates())
	w.work()
	w.bind(3, "order-3")
	w.becomes("order-3", "uncertain")
	p := w.as("ann", "en")
	from := confirm + "order-3&do=again"
	p.shows(from, "this binds a second number", "I have looked at the platform", "139****0003")
	status, page := p.post(from, "/console/task", "id", "order-3", "do", doAgain, "reason", "hurry")
	if status != http.StatusBadRequest || !strings.Contains(page, "Tick that you looked") {
		t.Errorf("%d %s", status, page)
	}
	w.becomes("order-3", "uncertain")
	if status, _ := p.get("/console/confirm?id=order-3&do=cancel"); status != http.StatusConflict {
		t.Errorf("a task whose call may have taken effect may be canceled: %d", status)
	}
}

// TestRefusedChanges: whoever lacks the role, another site's page, and a form that is forged, of
// somebody else, or sent before, change nothing.
func TestRefusedChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	ann, eve, bob := w.as("ann", "en"), w.as("eve", "en"), w.as("bob", "en")
	from := confirm + "later&do=cancel"
	_, page := ann.get(from)
	token := tokenOf(page)
	form := func(token string) string {
		return url.Values{"token": {token}, "id": {"later"}, "do": {"cancel"}, "reason": {"x"}}.Encode()
	}
	eve.shows(from)
	other := w.as("ann", "en")
	other.shows(from)
	for name, test := range map[string]struct {
		by      *person
		body    string
		headers []string
		status  int
	}{
		"no role":                      {bob, form(token), nil, 403},
		"no token":                     {ann, form(""), nil, 403},
		"a made up token":              {ann, form("AAAA.zzzzzzz.AAAA"), nil, 403},
		"a token with another time":    {ann, form(strings.Replace(token, ".", ".z", 1)), nil, 403},
		"the token of another user":    {eve, form(token), nil, 403},
		"the token of another browser": {other, form(token), nil, 403},
		"another site":                 {ann, form(token), []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"a sibling's site":             {ann, form(token), []string{"Sec-Fetch-Site", "same-site"}, 403},
		"another origin":               {ann, form(token), []string{"Origin", "https://evil.example"}, 403},
		"too large a form":             {ann, form(token) + "&x=" + strings.Repeat("x", mostBody), nil, 400},
	} {
		if status, page := test.by.do(http.MethodPost, "/console/task", test.body, test.headers...); status != test.status {
			t.Errorf("%s: %d, want %d: %.300s", name, status, test.status, page)
		}
	}
	if status, _ := bob.get(from); status != http.StatusForbidden {
		t.Errorf("the page that asks is shown to whoever may only see: %d", status)
	}
	w.becomes("later", "queued")
	if status, page := ann.do(http.MethodPost, "/console/task", form(token)); status != http.StatusOK {
		t.Errorf("the form itself: %d %s", status, page)
	}
	if status, page := ann.do(http.MethodPost, "/console/task", form(token)); status != http.StatusConflict || !strings.Contains(page, "sent before") {
		t.Errorf("the form once more: %d %s", status, page)
	}
}

// TestReadOnly: without --allow-actions the role operate counts for nothing.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{}, func(c *Config) { c.AllowActions = false })
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	p := w.as("ann", "en")
	if page := p.shows("/console/task?id=later"); strings.Contains(page, "/console/confirm") {
		t.Error("a page that only reads shows what to press")
	}
	status, page := p.do(http.MethodPost, "/console/task", "id=later&do=cancel&reason=x")
	if status != http.StatusForbidden || !strings.Contains(page, "--allow-actions") {
		t.Errorf("%d %s", status, page)
	}
}

// TestWholeNumbers: for whoever has the role, by a form of a page alone, and each look is a line of
// the audit.
func TestWholeNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	if status, _ := w.as("ann", "en").post("/console/task?id=later", "/console/whole", "id", "later"); status != http.StatusForbidden {
		t.Errorf("shown to whoever lacks the role: %d", status)
	}
	p := w.as("eve", "en")
	p.shows("/console/task?id=later", "139****0007", "Show whole numbers")
	status, page := p.post("/console/task?id=later", "/console/whole", "id", "later")
	if status != http.StatusOK || !strings.Contains(page, "13900000007") || !strings.Contains(page, "This look is in the audit") {
		t.Errorf("%d %s", status, page)
	}
	if status, _ := p.get("/console/whole?id=later"); status == http.StatusOK {
		t.Error("an address alone shows whole numbers")
	}
	lines, _, err := w.audit.Read(t.Context(), audit.Filter{Action: audit.NumbersShow})
	if err != nil || len(lines) != 1 || lines[0].By != "eve" || lines[0].Target != "later" {
		t.Errorf("the audit: %+v, %v", lines, err)
	}
}
