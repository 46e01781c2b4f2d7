package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// fates has the simulator make of each A another end.
func fates() dyplstest.Config {
	of := func(a string) map[string]string { return map[string]string{"PhoneNoA": a} }
	return dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: of("13900000002"), Code: "isv.NO_AVAILABLE_NUMBER"}, {Match: of("13900000003"), Do: dyplstest.DropAfter, Times: 1},
		{Match: of("13900000004"), Do: dyplstest.DropAfter, Times: 1}, {Match: of("13900000005"), Do: dyplstest.DropAfter, Times: 1},
		{Match: of("13900000006"), Do: dyplstest.DropBefore, Times: 1},
	}}
}

// TestPages: what each page shows of a working day, in both languages, and no number anywhere.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fates())
	w.work()
	w.bind(1, "shop/1")
	w.bind(2, "order-2", tasks.Account(tasks.DefaultAccount))
	w.bind(3, "order-3")
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	w.becomes("shop/1", "succeeded")
	w.becomes("order-2", "failed")
	w.becomes("order-3", "uncertain")
	for lang, says := range map[string][]string{
		"en":             {`lang="en"`, "Tasks", "succeeded", "Held: it may have taken effect, and nobody can tell: ", "Nobody has changed anything yet", "1 task waits for somebody"},
		"zh-CN,zh;q=0.9": {`lang="zh-CN"`, "任务", "成功", "调用可能已经生效，但无法判断", "还没有人工操作", "1 个任务等待处置"},
	} {
		p := w.as("ann", lang)
		page := p.shows(Root+"tasks", says[1], says[2], "shop/1", "order-2", "order-3", "later", "isv.NO_AVAILABLE_NUMBER", "/console/task?id=shop%2F1")
		if !strings.Contains(page, says[0]) {
			t.Errorf("%s: another language:\n%s", lang, page)
		}
		page = p.shows("/console/task?id=order-3", says[3], "139****0003", dyplstest.DefaultPoolKey, "/console/confirm?")
		if strings.Contains(page, `<p lang="en"`) {
			t.Errorf("%s: a part is in English:\n%s", lang, page)
		}
		p.shows("/console/task?id=shop/1", says[2], "170****", "SubsId")
		p.shows("/console/task?id=later", "139****0007")
		p.shows("/console/uncertain", says[5], "order-3", "139****0003")
		p.shows("/console/audit", says[4])
	}
	p := w.as("bob", "en")
	if page := p.shows("/console/task?id=order-3"); strings.Contains(page, "/console/confirm") {
		t.Error("who may only see is shown what to press")
	}
	found := p.shows("/console/tasks?state=failed&code=isv.NO_AVAILABLE_NUMBER&action=BindAxn&since=1h&account=default", "order-2")
	if strings.Contains(found, "order-3") || strings.Contains(found, "shop/1") {
		t.Errorf("a filter lets others through:\n%s", found)
	}
	p.shows("/console/tasks?state=failed&code=isv.OTHER", "No task matches.")
	w.redis.Client(t).HSet(t.Context(), record.Key("order-3"), "fingerprint", "hmac Action:00")
	p.shows("/console/task?id=order-3", "Calls of this task are found by keys")
	p.shows("/console/uncertain", "Calls of this task are found by keys")
}

// TestSearch: a task is found by its id, by its binding, and by a number as people see it. A whole
// number that somebody types does not stay in the address.
func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fates())
	w.work()
	w.bind(1, "shop/1")
	w.bind(2, "order-2")
	w.becomes("shop/1", "succeeded")
	w.becomes("order-2", "failed")
	p := w.as("bob", "en")
	outcome, err := w.queue.Outcome(t.Context(), "shop/1")
	if err != nil {
		t.Fatal(err)
	}
	subs := fieldsOf(outcome)["SubsId"]
	for q, want := range map[string]string{
		"shop/1": "What happened", "order": "order-2", subs: "shop/1", "139****0002": "order-2", "13900000002": "order-2", "nothing": "No task matches.", outcome.RequestID: "shop/1",
	} {
		p.shows("/console/tasks?q="+url.QueryEscape(q), want)
	}
	p.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if phone.MatchString(r.URL.String()) {
			t.Errorf("led on to %s", r.URL)
		}
		return nil
	}
	p.shows("/console/tasks?q=13900000002", "139****0002")
}

// TestManyTasks: a list goes on page by page, and a search, too.
func TestManyTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	for n := range 25 {
		w.bind(100+n, "order-"+string(rune('a'+n)), tasks.ProcessIn(time.Hour))
	}
	p, met := w.as("bob", "en"), map[string]bool{}
	path := "/console/tasks?size=10"
	for pages := 1; ; pages++ {
		page := p.shows(path)
		for n := range 25 {
			if id := "order-" + string(rune('a'+n)); strings.Contains(page, ">"+id+"<") {
				met[id] = true
			}
		}
		_, rest, others := strings.Cut(page, `rel="next" href="`)
		if !others {
			if pages != 3 || len(met) != 25 {
				t.Errorf("%d tasks on %d pages", len(met), pages)
			}
			return
		}
		path, _, _ = strings.Cut(strings.ReplaceAll(rest, "&amp;", "&"), `"`)
	}
}
