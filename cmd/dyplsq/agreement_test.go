package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// agreement runs dyplsq doctor --json, and returns all that it says of the settings that workers
// share.
func agreement(t *testing.T, s *systemtest.System) []doctor.Finding {
	t.Helper()
	r := systemtest.Run(t, s.Env, "", "doctor", "--json")
	systemtest.NoNumbers(t, "doctor", r.Out+r.Errors)
	var said []doctor.Finding
	for line := range systemtest.Lines(r.Out) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f.Check == "agreement" {
			said = append(said, f)
		}
	}
	return said
}

// differing are two workers' settings, as each is given them.
var differing = []struct{ flag, one, other, variable string }{
	{"number-cooldown", "1s", "2h", "DYPLSQ_NUMBER_COOLDOWN"},
	{"keep", "1m", "30h", "DYPLSQ_KEEP"},
	{"keep-stream", "1m", "30h", "DYPLSQ_KEEP_STREAM"},
	{"qps", "BindAxn=40", "BindAxn=4000", "DYPLSQ_QPS_BINDAXN"},
	{"pool-qps", "1000", "2000", "DYPLSQ_POOL_QPS"},
	{"on-uncertain", "hold", "retry", "DYPLSQ_ON_UNCERTAIN"},
	{"on-no-number", "fail", "wait", "DYPLSQ_ON_NO_NUMBER"},
	{"max-attempts", "3", "9", "DYPLSQ_MAX_ATTEMPTS"},
	{"shards", "1", "2", "DYPLSQ_SHARDS"},
	// Of these each worker has its own.
	{"concurrency", "16", "64", ""},
	{"fetchers", "1", "2", ""},
	{"http-timeout", "5s", "13s", ""},
	{"shutdown-timeout", "10s", "20s", ""},
	{"asynq-plain", "false", "true", ""},
}

// TestWorkersOfDifferentSettings: two workers of one Redis differ in every setting that may be
// given twice on a single server. Each bind takes effect once, at no more than the lowest ceiling;
// each number rests for the longest cooldown, whoever ends its binding; each outcome is kept for
// the longest that one of them was told; a bind whose answer is lost is sent once more at most.
// doctor names each setting, both values and both workers, until one of them is gone.
func TestWorkersOfDifferentSettings(t *testing.T) {
	t.Parallel()
	const jobs, lost, late, ceiling = 300, 2, 12, 40
	s := systemtest.New(t, dyplstest.Config{
		Pools: systemtest.TwoPools(jobs),
		Faults: []dyplstest.Fault{
			{Action: "BindAxn", Match: map[string]string{"PoolKey": systemtest.NamedPool}, Do: dyplstest.DropAfter, Times: lost},
			// so that both have something to do
			{Action: "BindAxn", Do: dyplstest.Slow, Delay: 100 * time.Millisecond},
		},
	}, "--appendonly", "yes", "--appendfsync", "always")
	var file strings.Builder
	for _, x := range dyplstest.Numbers("170", jobs) {
		fmt.Fprintln(&file, string(x))
	}
	if r := systemtest.Run(t, s.Env, file.String(), "numbers", "import", dyplstest.DefaultPoolKey, "-"); r.Status != statusOK {
		t.Fatalf("import: exit status %d: %s", r.Status, r.Errors)
	}
	var arguments [2][]string
	for i := range arguments {
		arguments[i] = []string{"worker"}
		for _, d := range differing {
			arguments[i] = append(arguments[i], "--"+d.flag+"="+[]string{d.one, d.other}[i])
		}
	}
	var workers [2]*systemtest.Process
	for i := range workers {
		workers[i] = systemtest.Start(t, s.Env, arguments[i]...)
		redistest.Poll(t, systemtest.StartWithin, "a worker to be up", workers[i].Wrote("performing tasks"))
	}
	// the first learns of the second
	for _, variable := range []string{"DYPLSQ_NUMBER_COOLDOWN", "DYPLSQ_KEEP", "DYPLSQ_KEEP_STREAM"} {
		redistest.Poll(t, systemtest.StartWithin, "a worker to learn that another has more", workers[0].Wrote(`"setting":"`+variable+`"`))
	}
	saysWhoDiffers(t, s, workers)

	bindsOf(t, s, 0, jobs/2, "1")
	bindsOf(t, s, jobs/2, jobs, "2")
	outcomes := s.Settled(t, jobs, 100*time.Second)
	s.EachOnce(t, outcomes)
	neverBeyond(t, s, ceiling, workers[0])
	keptFor(t, s, 20*time.Hour, outcomes)
	lostAnswers(t, s, lost)
	noNumberTwice(t, s, jobs, late)

	for _, p := range workers {
		if len(attempted(p)) == 0 {
			t.Errorf("%s has performed nothing", p.Cmd)
		}
	}
	if status := workers[1].Terminate(t, syscall.SIGTERM); status != statusOK {
		t.Errorf("a worker that was told to end has exit status %d", status)
	}
	redistest.Poll(t, systemtest.StartWithin, "doctor to forget the worker that has ended", func(context.Context) error {
		for _, f := range agreement(t, s) { //nolint:contextcheck // the test's own
			if f.Verdict != doctor.OK || !strings.Contains(f.Found, "1 workers have the same settings") {
				return errors.New(f.Found)
			}
		}
		return nil
	})
}

// saysWhoDiffers holds doctor to naming each setting that workers should share, and no other.
func saysWhoDiffers(t *testing.T, s *systemtest.System, workers [2]*systemtest.Process) {
	t.Helper()
	said, wanted := agreement(t, s), 0
	for _, d := range differing {
		if d.variable == "" {
			continue
		}
		wanted++
		_, one, pair := strings.Cut(d.one, "=")
		_, other, _ := strings.Cut(d.other, "=")
		if !pair {
			one, other = d.one, d.other
		}
		ok := false
		for _, f := range said {
			if !strings.Contains(f.Found, "differ in "+d.variable+":") {
				continue
			}
			ok = f.Verdict == doctor.Warning && strings.Contains(f.Found, setting.WhileDiffering(d.variable)) && strings.Contains(f.Remedy, d.variable)
			for i, value := range []string{one, other} {
				who := fmt.Sprintf(":%d)", workers[i].Cmd.Process.Pid)
				_, after, found := strings.Cut(f.Found, " "+value+" (")
				ok = ok && found && strings.Contains(strings.SplitAfter(after, ")")[0], who)
			}
		}
		if !ok {
			t.Errorf("doctor does not say who differs in %s: %+v", d.variable, said)
		}
	}
	if len(said) != wanted {
		t.Errorf("doctor names %d settings, %d differ: %+v", len(said), wanted, said)
	}
}

// bindsOf enqueues job-from and so on, by a producer of so many shards.
func bindsOf(t *testing.T, s *systemtest.System, from, till int, shards string) {
	t.Helper()
	var lines strings.Builder
	for i := from; i < till; i++ {
		fmt.Fprintln(&lines, systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	if r := systemtest.Run(t, s.Env, lines.String(), "enqueue", "BindAxn", "-", "--shards", shards); r.Status != statusOK {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
}

// neverBeyond holds the calls to the ceiling of a worker, from its own first one on. A machine that
// is busy makes them slower, never faster: so it is the time that all of them took which tells.
func neverBeyond(t *testing.T, s *systemtest.System, ceiling float64, of *systemtest.Process) {
	t.Helper()
	var began, last time.Time
	calls, own := 0, attempted(of)
	for _, e := range s.Simulator.Ledger() {
		if began.IsZero() && own[e.Parameters["OutId"]] {
			began = e.ReceivedAt
		}
		if e.Action == "BindAxn" && !began.IsZero() {
			calls, last = calls+1, e.ReceivedAt
		}
	}
	// What the other one was granted before is used, and a token may be used a little late.
	const before, above = 50, 1.1
	took, least := last.Sub(began).Seconds(), (float64(calls)-before)/(above*ceiling)
	t.Logf("%d calls within %.1f s, the lowest ceiling is %.0f a second", calls, took, ceiling)
	if took < least {
		t.Errorf("they take %.1f s at that ceiling", least)
	}
}

// attempted are the tasks that a worker has made a call for.
func attempted(p *systemtest.Process) map[string]bool {
	ids := map[string]bool{}
	for line := range systemtest.Lines(p.Text()) {
		var attempt struct{ ID, Message string }
		if json.Unmarshal([]byte(line), &attempt) == nil && attempt.Message == "attempt" {
			ids[attempt.ID] = true
		}
	}
	return ids
}

// keptFor holds the records of outcomes to a time that is left to them.
func keptFor(t *testing.T, s *systemtest.System, least time.Duration, outcomes []tasks.Outcome) {
	t.Helper()
	client := s.Redis.Client(t)
	for _, o := range outcomes {
		if left := client.PTTL(t.Context(), "dypls:{"+o.ID+"}").Val(); left < least {
			t.Fatalf("the outcome of %s is kept for %s more", o.ID, left)
		}
	}
}

// lostAnswers makes binds whose answers are lost, and that cannot be looked up.
func lostAnswers(t *testing.T, s *systemtest.System, n int) {
	t.Helper()
	for i := range n {
		request := strings.Replace(systemtest.Bind(1000+i, ""), dyplstest.DefaultPoolKey, systemtest.NamedPool, 1)
		r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", request, "--id", fmt.Sprint("lost-", i))
		heldAlready := r.Status == statusFailed && strings.Contains(r.Errors, "0 failed, 1 uncertain") // before the command has looked
		if r.Status != statusOK && !heldAlready {
			t.Fatalf("enqueue: exit status %d: %s", r.Status, r.Errors)
		}
	}
	for i := range n {
		id := fmt.Sprint("lost-", i)
		o := s.Outcome(t, id, "90s")
		switch done := len(s.Performed(id)); {
		case o.State == tasks.StateUncertain && done == 1 && o.Calls == 1: // by the worker that holds
		case o.State == tasks.StateSucceeded && done == 2 && o.Calls == 2: // by the other one
		// and its second answer was lost as well
		case o.State == tasks.StateUncertain && done == 2 && o.Calls == 2:
		default:
			t.Errorf("%s is %s after %d calls, %d of which took effect", id, o.State, o.Calls, done)
		}
	}
}

// noNumberTwice ends every binding, whose numbers then rest: none is there for those who come
// later, whoever ended it.
func noNumberTwice(t *testing.T, s *systemtest.System, jobs, late int) {
	t.Helper()
	var unbinds, binds strings.Builder
	for i := range jobs {
		of := s.Performed(fmt.Sprint("job-", i))[0]
		fmt.Fprintf(&unbinds, `{"PoolKey":%q,"SubsId":%q,"SecretNo":%q}`+"\n", dyplstest.DefaultPoolKey, of.SubsID, string(of.SecretNo))
	}
	if r := systemtest.Run(t, s.Env, unbinds.String(), "enqueue", "UnbindSubscription", "-", "--json", "--wait", "90s"); r.Status != statusOK {
		t.Fatalf("unbind: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	ended := time.Now()
	redistest.Poll(t, systemtest.StartWithin, "the shorter cooldown to be over", systemtest.Passes(2*time.Second, ended))
	for i := range late {
		fmt.Fprintln(&binds, systemtest.Bind(2000+i, ""))
	}
	r := systemtest.Run(t, s.Env, binds.String(), "enqueue", "BindAxn", "-", "--within", "10s", "--json", "--wait", "90s")
	for _, o := range systemtest.ReadOutcomes(t, r.Out) {
		// By the worker that fails it; or, where the other one let it wait, when its time is over.
		if o.State != tasks.StateFailed || o.Class != "Exhausted" && o.Code != "dyplsq.Expired" || o.Calls != 0 {
			t.Errorf("a bind while every number rests is %s %s after %d calls", o.State, o.Code, o.Calls)
		}
	}
	if counts := systemtest.Run(t, s.Env, "", "numbers", "list", dyplstest.DefaultPoolKey, "--json"); !strings.Contains(counts.Out, fmt.Sprintf(`"free":0,"resting":%d`, jobs)) {
		t.Errorf("numbers: %s", counts.Out)
	}
}
