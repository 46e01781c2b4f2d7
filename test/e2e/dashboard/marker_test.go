package dashboard

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const markerDigits = "77319"

// marked finds a marked A, B or X however it is written, and what only a signed link holds.
var marked = regexp.MustCompile(`1(39|38|70)[-\s]?` + markerDigits[:4] + `[-\s]?` + markerDigits[4:] + `\d{3}|Signature=|OSSAccessKeyId`)

// markedNumber is the n-th A (139), B (138) or X (170).
func markedNumber(prefix string, n int) string {
	return fmt.Sprintf("%s%s%03d", prefix, markerDigits, n)
}

// markedGroup is tasks that share a fate.
type markedGroup struct {
	fate, action string
	first, tasks int                // the number of its first task among all, and how many it has
	request      func(n int) string // of the n-th task of all, without its TaskID
	fault        func(n int) dyplstest.Fault
	args         []string
	state        tasks.State // pending where nobody waits for it
}

// markedTest counts what was searched.
type markedTest struct {
	*systemtest.System
	ids                map[string][]string // by fate
	logs, keys, others int
	hits               int
}

// TestNumbersStayWithTheirOwner: numbers and links with a mark go through every fate that a task
// can have, and the mark is nowhere that a person, a log or another program looks: only in the
// records and in the outcomes that their owner asks for.
//
// A caller that panics with a number is in the worker's own tests: no answer of a real API makes
// ours panic.
func TestNumbersStayWithTheirOwner(t *testing.T) {
	t.Parallel()
	many := 1000
	if testing.Short() {
		many = 100
	}
	groups := markedGroups(many)
	m := newMarkedTest(t, groups)
	channels := m.Redis.Client(t).PSubscribe(t.Context(), "*")
	t.Cleanup(func() { _ = channels.Close() })
	if _, err := channels.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	published := channels.Channel(redis.WithChannelSize(100 * many))
	w, metrics := m.ObservedWorker(t)
	redistest.Poll(t, systemtest.StartWithin, "the worker to be up", w.Wrote("performing tasks"))
	m.command(t, systemtest.StatusOK, "pause", "update")
	last := len(groups) - 2
	m.enqueueAll(t, groups[:last])
	m.mistakes(t)

	m.searchDashboards(t, w, groups[last], groups[last+1])
	m.searchCommands(t)
	_, text := systemtest.Get(t, metrics+"/metrics")
	m.search(t, "/metrics", text)
	m.searchKeys(t)
	finished := 0
	for range len(published) {
		message := <-published
		m.search(t, "the channel "+message.Channel, message.Payload)
		if message.Channel == record.Channel(m.Redis.Client(t)) {
			finished++
		}
	}
	for line := range systemtest.Lines(w.Text()) {
		m.logs++
		m.find(t, "the worker's log", line)
	}
	if finished < many/2 || m.logs < many || m.keys < many/10 || !strings.Contains(text, "dyplsq_attempts_total") {
		t.Errorf("%d wake-ups, %d log lines, %d keys: too few were looked at", finished, m.logs, m.keys)
	}
	m.areWhereTheyBelong(t)
	t.Logf("%d tasks: %d log lines, %d keys, %d answers and outputs searched: %d hits", many, m.logs, m.keys, m.others, m.hits)
}

func newMarkedTest(t *testing.T, groups []markedGroup) *markedTest {
	t.Helper()
	var faults []dyplstest.Fault
	for _, g := range groups {
		for i := range g.tasks {
			if g.fault != nil {
				faults = append(faults, g.fault(g.first+i))
			}
		}
	}
	return &markedTest{ids: map[string][]string{}, System: systemtest.New(t, dyplstest.Config{
		Pools:      []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170"+markerDigits, 1000)}},
		Recordings: dyplstest.Recordings{ReadyAfter: 24 * time.Hour, Base: "http://recordings.example/" + markedNumber("139", 999)},
		Faults:     faults,
	})}
}

// enqueueGroup enqueues a group.
func (m *markedTest) enqueueGroup(t *testing.T, g markedGroup) {
	t.Helper()
	var lines strings.Builder
	for i := range g.tasks {
		id := fmt.Sprint(g.fate, "-", i)
		m.ids[g.fate] = append(m.ids[g.fate], id)
		_, _ = fmt.Fprintf(&lines, "{%s,\"TaskID\":%q}\n", g.request(g.first+i), id)
	}
	r := systemtest.Run(t, m.Env, lines.String(), append([]string{"enqueue", g.action, "-"}, g.args...)...)
	// one may have ended before it is printed
	if r.Status != systemtest.StatusOK && (r.Status != systemtest.StatusFailed || g.state == tasks.StateSucceeded) {
		t.Errorf("enqueue the group %s: exit status %d\n%s%s", g.fate, r.Status, r.Out, r.Errors)
	}
	m.search(t, "enqueue's output", r.Out)
	m.search(t, "enqueue's standard error", r.Errors)
}

// enqueueAll enqueues groups, and waits for those that have an outcome to come.
func (m *markedTest) enqueueAll(t *testing.T, groups []markedGroup) {
	t.Helper()
	for _, g := range groups {
		m.enqueueGroup(t, g)
		if g.fate == "binds" { // others unbind them
			m.Told(t, m.ids[g.fate], 3*time.Minute)
		}
	}
	for _, g := range groups {
		if g.state == tasks.StatePending {
			continue
		}
		for id, o := range m.Told(t, m.ids[g.fate], 3*time.Minute) {
			if o.State != g.state {
				t.Errorf("%s is %s, want %s: %s %s", id, o.State, g.state, o.Code, o.Message)
			}
			m.search(t, "the message of "+id, o.Code+" "+o.Message)
		}
	}
}

// mistakes are what people get wrong, with a number in it.
func (m *markedTest) mistakes(t *testing.T) {
	t.Helper()
	a := markedNumber("139", 1)
	for _, args := range [][]string{
		{"enqueue", "BindAxn", `{"PhoneNoA":"` + a + `"`},
		{"enqueue", "BindAxn", `["` + a + `"]`},
		{"enqueue", "BindAxn", `{"PhoneNumber":"` + a + `","` + a + `":1}`},
		{"enqueue", "BindAxn", `{"PhoneNoA":"+86 139-7731-9001","PhoneNoB":"138 7731 9001","Expiration":"` + a + `","ExpectCity":"` + a + `"}`},
		{"enqueue", "BindAxn", `{"PhoneNoA":` + a + `,"Expiration":` + a + `}`},
		{"enqueue", "BindAxn", strings.Replace(systemtest.Bind(1, `,"OutId":1`), "13900000001", a, 1), "--id", "order-" + a},
		{"enqueue", "BindAxn", strings.Replace(systemtest.Bind(1, ""), "13900000001", a, 1), "--id", "order-" + a},
		// of another request
		{"enqueue", "BindAxn", strings.Replace(systemtest.Bind(1, ""), "13900000001", a, 1), "--id", "fails-0"},
		{"enqueue", "UnbindSubscription", `{"BindTaskID":"` + a + `"}`},
		{"resolve", "uncertain-0", "--succeeded", `{"SubsId":"1","SecretNo":"` + a},
		{"resolve", "uncertain-0", "--succeeded", `{"SubsId":"","SecretNo":"+86 ` + a + `"}`},
		{"numbers", "import", dyplstest.DefaultPoolKey, systemtest.TempFile(t, a+",,"+a+"\n")},
	} {
		m.command(t, systemtest.StatusUsage, args...)
	}
}

const anyStatus = -1

// command runs a command and searches what it writes.
func (m *markedTest) command(t *testing.T, wantStatus int, args ...string) {
	t.Helper()
	r := systemtest.Run(t, m.Env, "", args...)
	if wantStatus != anyStatus && r.Status != wantStatus {
		t.Errorf("%s: exit status %d, want %d\n%s%s", args, r.Status, wantStatus, r.Out, r.Errors)
	}
	m.search(t, fmt.Sprint(args[0], "'s output"), r.Out)
	m.search(t, fmt.Sprint(args[0], "'s standard error"), r.Errors)
}
