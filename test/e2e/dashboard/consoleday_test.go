package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	dayCalls = 6
	dayFails = 30 // the first bind of those that fail
	dayLost  = 40 // the first of those whose answers are lost
)

// day is a system in the middle of a working day: tasks that succeeded, failed, wait and are in
// doubt, pools, calls with recordings, applications that are told, and a day's history.
type day struct {
	*systemtest.System

	archive, callbacks string // a directory, and the file of endpoints
}

func newDay(t *testing.T) *day {
	t.Helper()
	const secret = "a-secret-of-the-day-0123"
	receiver := systemtest.FreeAddress(t)
	d := &day{archive: t.TempDir(), callbacks: endpointsOfADay(t)}
	d.System = systemtest.New(t, dyplstest.Config{
		Pools:    systemtest.TwoPools(120),
		Faults:   faultsOfADay(),
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: dyplstest.PushAll("http://" + receiver + "/receipts/" + secret), AnswerWithin: systemtest.StartWithin},
	})
	d.Env = append(d.Env, "DYPLSQ_ARCHIVE=file://"+d.archive, "DYPLSQ_CALLBACKS="+d.callbacks)
	d.run(t, strings.Join(numbersOfADay(), "\n"), "numbers", "import", systemtest.NamedPool, "-")
	d.Worker(t)
	d.start(t, "receiving receipts", "receive", "--receipts-listen", receiver, "--receipts-secret-file", systemtest.TempFile(t, secret+"\n"))
	tokens := filepath.Join(t.TempDir(), "tokens")
	d.run(t, "", "token", "new", "shop", "--scope", "enqueue,read", "--tokens", tokens)
	d.start(t, "serving the API", "serve", "--serve-listen", "127.0.0.1:0", "--tokens", tokens)
	d.perform(t)
	d.call(t)
	d.remember(t)
	return d
}

func (d *day) run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if r := systemtest.Run(t, d.Env, stdin, args...); r.Status != systemtest.StatusOK {
		t.Fatalf("dyplsq %s: exit status %d\n%s%s", args[0], r.Status, r.Out, r.Errors)
	}
}

func (d *day) start(t *testing.T, says string, args ...string) {
	t.Helper()
	p := systemtest.Start(t, d.Env, args...)
	redistest.Poll(t, systemtest.StartWithin, args[0]+" to be up", p.Wrote(says))
}

// perform has tasks of every state, most of which went well.
func (d *day) perform(t *testing.T) {
	t.Helper()
	var lines strings.Builder
	for i := range 48 {
		request := systemtest.Bind(i, fmt.Sprintf(`,"TaskID":%q,"IsRecordingEnabled":true`, dayTask(i)))
		if i < dayFails && i%2 == 1 {
			request = strings.Replace(request, dyplstest.DefaultPoolKey, systemtest.NamedPool, 1)
		}
		fmt.Fprintln(&lines, request)
	}
	r := systemtest.Run(t, d.Env, lines.String(), "enqueue", "BindAxn", "-", "--wait", "60s")
	if r.Status != systemtest.StatusFailed || !strings.Contains(r.Errors, "4 failed, 3 uncertain") {
		t.Fatalf("the day went otherwise: %d %s", r.Status, r.Errors)
	}
	d.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(60, ""), "--id", "tomorrow/morning", "--in", "20h")
}

func dayTask(i int) string { return fmt.Sprintf("order-2026113%04d", 7100+i) }

// call has riders call drivers, one of whom does not answer, and waits for their recordings.
func (d *day) call(t *testing.T) {
	t.Helper()
	for i := range dayCalls {
		binding := d.Binding(t, dayTask(i))
		if _, err := d.Simulator.PlaceCall(dyplstest.Dial{
			SubsID: binding.SubsID, Caller: "13912345678", Unanswered: i == 3, Length: time.Duration(20+7*i) * time.Second,
		}); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "the recordings to be kept", func(context.Context) error {
		kept := 0
		for _, c := range d.CallRecords(t) { //nolint:contextcheck // the test's own
			if c.Recording.State == calls.RecordingKept {
				kept++
			}
		}
		if kept < dayCalls-1 {
			return fmt.Errorf("%d are", kept)
		}
		return nil
	})
}

// remember writes the history of the day before.
func (d *day) remember(t *testing.T) {
	t.Helper()
	client := d.Redis.Client(t)
	now := time.Now()
	write := func(kind history.Kind, at time.Time, values history.Values) {
		if err := history.Write(t.Context(), client, kind, at, values); err != nil {
			t.Fatal(err)
		}
	}
	const minutes, ahead = 24 * 60, 10 // minutes that the test itself takes are written before they come
	for i := range minutes {
		at := now.Add(time.Duration(ahead-i) * time.Minute)
		hour := float64(at.UTC().Hour()) + float64(at.Minute())/60
		busy := 20 + 300*math.Exp(-(hour-4)*(hour-4)/8) + 240*math.Exp(-(hour-10.5)*(hour-10.5)/6) + float64(i*i%17) // lunch and evening in Beijing
		n := int64(busy)
		write(history.Tasks, at, history.Values{
			history.Budget("default", "BindAxn"):            {n, n / 90, int64(i % 240 / 239), n / 40, n + n/30},
			history.Budget("default", "UnbindSubscription"): {n * 9 / 10, 0, 0, n / 60, n * 9 / 10},
		})
		write(history.Quota, at, history.Values{history.Budget("default", "BindAxn"): {12000, n / 300}})
		write(history.Queues, at, history.Values{"bind": {40 + n*3, n / 8}})
		bound := int64(15 * (minutes - i) / minutes)
		write(history.Pools, at, history.Values{systemtest.NamedPool: {120 - bound, 0, 0, bound, 0, 0}})
	}
}

func faultsOfADay() []dyplstest.Fault {
	of := func(a int) map[string]string { return map[string]string{"PhoneNoA": fmt.Sprintf("139%08d", a)} }
	faults := []dyplstest.Fault{{Action: "BindAxn", Match: of(11), Code: "isv.FLOW_LIMIT", Times: 2}}
	for i, code := range []string{"isv.NO_AVAILABLE_NUMBER", "isv.NO_AVAILABLE_NUMBER", "isv.PHONE_NUMBER_ILLEGAL", "isv.NO_AVAILABLE_NUMBER"} {
		faults = append(faults, dyplstest.Fault{Match: of(dayFails + i), Code: code})
	}
	for i := range 3 {
		faults = append(faults, dyplstest.Fault{Match: of(dayLost + i), Do: dyplstest.DropAfter, Times: 1})
	}
	return faults
}

// numbersOfADay are those of the pool whose numbers dyplsq hands out.
func numbersOfADay() []string {
	var all []string
	for _, n := range dyplstest.Numbers("171", 120) {
		all = append(all, string(n))
	}
	return all
}

// endpointsOfADay are applications: one that takes what it is told, one that
// fails, and one that has gone.
func endpointsOfADay(t *testing.T) (file string) {
	t.Helper()
	var endpoints []map[string]any
	for _, e := range []struct {
		name   string
		status int
	}{{"orders", http.StatusNoContent}, {"billing", http.StatusInternalServerError}, {"old-crm", http.StatusGone}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(e.status) }))
		t.Cleanup(server.Close)
		endpoints = append(endpoints, map[string]any{
			"name": e.name, "url": server.URL, "secrets": []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "allow_private": true,
		})
	}
	text, err := json.Marshal(map[string]any{"endpoints": endpoints})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "callbacks.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dash starts the dashboard for eve, who has every role.
func (d *day) dash(t *testing.T) (url string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(systemtest.DashPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := systemtest.TempFile(t, fmt.Sprintf("eve:%s:see,operate,numbers,listen\n", hash))
	return d.Dash(t, "--auth", users, "--allow-actions")
}
