package console

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var digestInput = regexp.MustCompile(`name="digest" value="([^"]+)"`)

// TestBulk: exactly the tasks that the preview counted are changed, or it says which differed;
// once, by whoever saw the preview, with a reason.
func TestBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	for n := range 12 {
		w.bind(100+n, fmt.Sprintf("order-%d", n), tasks.ProcessIn(time.Hour))
	}
	p := w.as("ann", "en")
	p.shows("/console/tasks?state=pending&action=BindAxn", "With all that match:", "/console/bulk?action=BindAxn&state=pending&verb=cancel")
	const from = "/console/bulk?verb=cancel&state=pending&action=BindAxn"
	page := p.shows(from, "Cancel 12 tasks?", "12 × ", "BindAxn", "queued", "Exactly these tasks are changed")
	digest := html.UnescapeString(digestInput.FindStringSubmatch(page)[1])
	carry := func(by *person, fields ...string) (int, string) {
		t.Helper()
		return by.post("/console/bulk?verb=retry&state=failed", "/console/bulk", append(fields, "digest", digest)...)
	}
	// what came after the preview is not changed, and what changed meanwhile is left alone
	w.bind(99, "late", tasks.ProcessIn(time.Hour))
	if err := w.queue.Cancel(t.Context(), "order-3"); err != nil {
		t.Fatal(err)
	}
	token := tokenOf(page)
	other := w.as("eve", "en")
	if status, page := other.do(http.MethodPost, "/console/bulk", "digest="+digest+"&token="+token+"&reason=x"); status != http.StatusForbidden {
		t.Errorf("somebody else's form: %d %s", status, page)
	}
	status, done := p.do(http.MethodPost, "/console/bulk", "digest="+digest+"&token="+token+"&reason=closed+today")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, done)
	}
	p.holds("the report", done, "11 of 12 tasks are done.", "1 task was left as it is", "order-3")
	if status, page := p.do(http.MethodPost, "/console/bulk", "digest="+digest+"&token="+token+"&reason=x"); status != http.StatusConflict {
		t.Errorf("the same form once more: %d %s", status, page)
	}
	if status, _ := carry(p, "reason", "x"); status != http.StatusForbidden && status != http.StatusConflict {
		t.Errorf("a plan that was carried out: %d", status)
	}
	for n := range 12 {
		w.becomes(fmt.Sprintf("order-%d", n), "failed")
	}
	w.becomes("late", "queued")
	lines, _, err := w.audit.Read(t.Context(), audit.Filter{Action: audit.BulkCancel})
	if err != nil || len(lines) != 2 || lines[1].By != "ann" || lines[1].Reason != "closed today" || lines[1].Via != audit.Console {
		t.Errorf("%+v, %v", lines, err)
	}
	if status, _ := w.as("bob", "en").get(from); status != http.StatusForbidden {
		t.Errorf("who may only see is shown the preview: %d", status)
	}
	for path, want := range map[string]int{"/console/bulk?verb=explode": 400, "/console/bulk?verb=retry&state=uncertain": 400, "/console/bulk?verb=cancel&since=x": 400, "/console/bulk": 400} {
		if status, page := p.get(path); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, page)
		}
	}
	p.shows("/console/bulk?verb=retry&code=isv.NONE", "No task that matches")
}

// TestPlansAreBounded: those that were shown last are kept, for a while,
// and each is handed out once.
func TestPlansAreBounded(t *testing.T) {
	t.Parallel()
	var p plans
	now := time.Now()
	key := func(n int) planKey { return planKey{"session", "ann", strconv.Itoa(n)} }
	for n := range plansMost + 3 {
		p.keep(key(n), bulk.Plan{Tasks: make([]tasks.Found, 10)}, now)
	}
	if _, kept := p.take(key(2), now); kept || len(p.kept) != plansMost {
		t.Errorf("%d are kept", len(p.kept))
	}
	if _, kept := p.take(key(plansMost), now); !kept {
		t.Error("a new one is gone")
	}
	if _, kept := p.take(key(plansMost), now); kept {
		t.Error("one is handed out twice")
	}
	if _, kept := p.take(key(plansMost+1), now.Add(planLife)); kept {
		t.Error("one outlives its time")
	}
	p.keep(key(1), bulk.Plan{Tasks: make([]tasks.Found, tasksMost)}, now)
	p.keep(key(2), bulk.Plan{Tasks: make([]tasks.Found, tasksMost)}, now)
	if len(p.kept) != 1 || p.kept[0].planKey != key(2) {
		t.Errorf("%d plans of %d tasks each are kept", len(p.kept), tasksMost)
	}
}
