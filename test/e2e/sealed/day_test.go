package sealed

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	secret = "a-secret-of-the-day-0123"
	queue  = "Alicom-Queue-1-SecretRecording"
)

// day is a system of every program there is, with keys.
type day struct {
	*systemtest.System

	keys, folder   string // the file, and the directory of Redis
	receiver, api  string // addresses
	token          string
	processes      map[string]*systemtest.Process
	metrics        map[string]string // addresses of metrics
	told           chan string       // bodies of callbacks
	callbacks, arc string
}

// newDay starts everything. ready is told of each process that is up.
func newDay(t *testing.T) *day {
	t.Helper()
	d := &day{
		keys: filepath.Join(t.TempDir(), "keys.json"), folder: t.TempDir(), receiver: systemtest.FreeAddress(t), api: systemtest.FreeAddress(t),
		processes: map[string]*systemtest.Process{}, metrics: map[string]string{}, told: make(chan string, 1000), arc: t.TempDir(),
	}
	push := dyplstest.PushAll("http://" + d.receiver + "/receipts/" + secret)
	delete(push, "SecretRecording") // both ways
	d.System = systemtest.New(t, dyplstest.Config{
		Pools: []dyplstest.Pool{
			{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170"+mark, numbersEach)},
			{Key: systemtest.NamedPool, Numbers: dyplstest.Numbers("171"+mark, numbersEach)},
		},
		Faults:   faults(),
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: push, Queues: map[string]string{"SecretRecording": queue}, AnswerWithin: systemtest.StartWithin},
	}, "--dir", d.folder, "--appendonly", "yes", "--appendfsync", "always")
	d.run(t, "", "keys", "new", d.keys, "--id", "k1")
	d.run(t, "", "keys", "activate", d.keys, "k1")
	d.callbacks = d.endpoints(t)
	api := endpointOf(d.Env)
	d.Env = append(d.Env, "DYPLSQ_KEYS_FILE="+d.keys, "DYPLSQ_ARCHIVE=file://"+d.arc, "DYPLSQ_CALLBACKS="+d.callbacks,
		"DYPLSQ_METRICS_LISTEN=127.0.0.1:0", "DYPLSQ_RECORDING_AFTER=1s", "DYPLSQ_LOG_LEVEL=debug",
		"DYPLSQ_RECEIPTS_TOKEN_ENDPOINT="+api, "DYPLSQ_RECEIPTS_QUEUE_ENDPOINT="+api)
	var lines strings.Builder
	for i := range numbersEach / 2 {
		fmt.Fprintln(&lines, number("171", i))
	}
	d.run(t, lines.String(), "numbers", "import", systemtest.NamedPool, "-", "--reason", "of "+number("139", 1))
	tokens := filepath.Join(t.TempDir(), "tokens")
	d.token = strings.TrimSpace(d.run(t, "", "token", "new", "shop", "--scope", "enqueue,read,operate,numbers", "--tokens", tokens))
	d.start(t, "worker", "performing tasks")
	d.start(t, "receive", "receiving receipts", "--receipts-listen", d.receiver, "--receipts-secret-file", systemtest.TempFile(t, secret+"\n"),
		"--receipts-queue", "SecretRecording="+queue)
	d.start(t, "serve", "serving the API", "--serve-listen", d.api, "--tokens", tokens)
	return d
}

// faults lose answers (40 on), refuse (30 on), and quote numbers in what they say.
func faults() (all []dyplstest.Fault) {
	of := func(n int) map[string]string { return map[string]string{"PhoneNoA": number("139", n)} }
	for i := range 4 {
		all = append(all,
			dyplstest.Fault{Match: of(30 + i), Code: "isv.NO_AVAILABLE_NUMBER", Message: "no number for +86" + number("139", 30+i)},
			dyplstest.Fault{Match: of(40 + i), Do: dyplstest.DropAfter, Times: 1},
		)
	}
	return all
}

// endpoints are two applications, one of which fails at first, and is told everything.
func (d *day) endpoints(t *testing.T) (file string) {
	t.Helper()
	var all []map[string]any
	for _, name := range []string{"orders", "billing"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name == "billing" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			var body strings.Builder
			_, _ = fmt.Fprint(&body, r.Header.Get("Webhook-Id"))
			d.told <- body.String()
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(server.Close)
		all = append(all, map[string]any{
			"name": name, "url": server.URL, "secrets": []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "allow_private": true, "full": true,
		})
	}
	text, err := json.Marshal(map[string]any{"endpoints": all})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "callbacks.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// endpointOf is where the simulator is.
func endpointOf(env []string) string {
	for _, entry := range env {
		if url, is := strings.CutPrefix(entry, "DYPLSQ_ENDPOINT="); is {
			return url
		}
	}
	return ""
}

func (d *day) run(t *testing.T, stdin string, args ...string) (out string) {
	t.Helper()
	r := systemtest.Run(t, d.Env, stdin, args...)
	if r.Status > systemtest.StatusFailed { // which also says that a task ended as failed
		t.Fatalf("dyplsq %s: exit status %d\n%s%s", strings.Join(args[:2], " "), r.Status, r.Out, r.Errors)
	}
	return r.Out
}

func (d *day) start(t *testing.T, name, says string, args ...string) {
	t.Helper()
	p := systemtest.Start(t, d.Env, append([]string{name}, args...)...)
	redistest.Poll(t, systemtest.StartWithin, name+" to be up", p.Wrote(says))
	redistest.Poll(t, systemtest.StartWithin, name+" to show metrics", p.Wrote("/metrics"))
	d.processes[name] = p
	d.metrics[name] = regexp.MustCompile(`"url":"(http[^"]*/metrics)"`).FindStringSubmatch(p.Text())[1]
}

// request is one of every kind of bind, by turns, as JSON.
func request(n int) (action, text string) {
	bind := fmt.Sprintf(`"PoolKey":%q,"PhoneNoA":%q,"Expiration":"2099-01-31 23:59:59","IsRecordingEnabled":true`, dyplstest.DefaultPoolKey, number("139", n))
	switch n % 4 {
	case 0:
		return "BindAxn", bind
	case 1:
		return "BindAxb", bind + fmt.Sprintf(`,"PhoneNoB":%q`, number("138", n))
	case 2:
		return "BindAxnExtension", bind + fmt.Sprintf(`,"PhoneNoB":%q`, number("138", n))
	}
	return "BindAxn", strings.Replace(bind, dyplstest.DefaultPoolKey, systemtest.NamedPool, 1) + fmt.Sprintf(`,"PhoneNoB":%q`, number("138", n))
}

// perform has tasks of every kind and state.
func (d *day) perform(t *testing.T) {
	t.Helper()
	lines := map[string]*strings.Builder{}
	for i := range 48 {
		action, text := request(i)
		if i >= 30 {
			action, text = request(4 * i)
			text = strings.Replace(text, number("139", 4*i), number("139", i), 1)
		}
		if lines[action] == nil {
			lines[action] = &strings.Builder{}
		}
		fmt.Fprintf(lines[action], "{%s,\"TaskID\":\"order-%d\"}\n", text, i)
	}
	for action, text := range lines {
		if r := systemtest.Run(t, d.Env, text.String(), "enqueue", action, "-", "--wait", "60s"); r.Status > systemtest.StatusFailed {
			t.Fatalf("%s: %s", action, r.Errors)
		}
	}
	again := systemtest.Run(t, d.Env, "", "enqueue", "BindAxn", "{"+strings.Replace(second(request(0)), number("139", 0), number("139", 99), 1)+"}", "--id", "order-0")
	if again.Status != 2 || !strings.Contains(again.Errors, "PhoneNoA") {
		t.Errorf("a key that is used again: %d, %s", again.Status, again.Errors)
	}
	d.Enqueue(t, systemtest.StatusOK, "BindAxn", "{"+second(request(60))+"}", "--id", "tomorrow", "--in", "20h")
	d.Enqueue(t, systemtest.StatusOK, "BindAxn", "{"+second(request(64))+"}", "--id", "next-day", "--in", "20h")
	d.Enqueue(t, systemtest.StatusOK, "UnbindSubscription", `{"BindTaskID":"order-4"}`, "--id", "unbind-4", "--wait", "60s")
	d.Enqueue(t, systemtest.StatusOK, "UnbindSubscription", `{"BindTaskID":"order-7"}`, "--id", "unbind-7", "--wait", "60s")
	b := d.Binding(t, "order-1")
	d.Enqueue(t, systemtest.StatusOK, "UpdateSubscription", fmt.Sprintf(`{"PoolKey":%q,"SubsId":%q,"PhoneNoX":%q,"OperateType":"updateNoB","PhoneNoB":%q}`,
		dyplstest.DefaultPoolKey, b.SubsID, string(b.SecretNo), number("138", 150)), "--id", "update-1", "--wait", "60s")
	d.run(t, "", "resolve", "order-40", "--failed", "--reason", "the driver "+number("138", 40)+" says so")
	d.run(t, "", "resolve", "order-41", "--succeeded", fmt.Sprintf(`{"SubsId":"1","SecretNo":%q,"Extension":""}`, number("170", 199)))
	d.run(t, "", "cancel", "--filter", "state=pending,action=BindAxn", "--yes", "--reason", "asked by "+number("136", 3))
	d.run(t, "", "retry", "order-30", "--reason", number("136", 4))
}

func second(_, text string) string { return text }

// ask goes through the HTTP API.
func (d *day) ask(t *testing.T) {
	t.Helper()
	head := []string{"Authorization", "Bearer " + d.token, "Content-Type", "application/json"}
	body := fmt.Sprintf(`{"action":"BindAxn","id":"api-1","request":{%s}}`, second(request(72)))
	if status, text := systemtest.Do(t, http.MethodPost, "http://"+d.api+"/v1/tasks", body, head...); status != http.StatusAccepted && status != http.StatusCreated {
		t.Fatalf("%d: %s", status, text)
	}
	status, text := systemtest.Do(t, http.MethodGet, "http://"+d.api+"/v1/tasks/api-1?wait=30s", "", head...)
	if status != http.StatusOK || !strings.Contains(text, "170"+mark) {
		t.Fatalf("%d: %s", status, text)
	}
	for _, path := range []string{"/v1/tasks?limit=50", "/v1/calls", "/v1/events?limit=10", "/v1/tasks/order-0"} {
		if status, text := systemtest.Do(t, http.MethodGet, "http://"+d.api+path, "", head...); status >= http.StatusInternalServerError {
			t.Errorf("%s: %d: %s", path, status, text)
		}
	}
}

// call has people call, and waits for the recordings.
func (d *day) call(t *testing.T) {
	t.Helper()
	const dialled = 6
	for i := range dialled {
		binding := d.Binding(t, fmt.Sprintf("order-%d", 4*(i+2)))
		if _, err := d.Simulator.PlaceCall(dyplstest.Dial{
			SubsID: binding.SubsID, Caller: callerOf(i), Unanswered: i == 3, Length: time.Duration(20+7*i) * time.Second,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for of, body := range map[string]string{
		"SecretReport":           `[{"phone_no":"` + number("139", 5) + `"}]`,
		"NumberManagementReport": `[{"secret_no":"` + number("170", 5) + `","operating_time":1795867889000,"status":2}]`,
		"SecretSmsIntercept":     `[{"call_id":"c1","sms_content":"call ` + number("138", 5) + `"}]`,
		"SecretAsrReport":        `[{"callId":"c2","statusCode":"21050000","sentences":[{"text":"my number is ` + number("138", 6) + `"}]}]`,
	} {
		if status, text := systemtest.Do(t, http.MethodPost, "http://"+d.receiver+"/receipts/"+secret+"/"+of, body); status != http.StatusOK {
			t.Fatalf("%s: %d: %s", of, status, text)
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "the recordings to be kept", func(context.Context) error {
		kept := 0
		for _, c := range d.calls(t) { //nolint:contextcheck // the test's own
			if c.Recording.State == calls.RecordingKept {
				kept++
			}
		}
		if kept < dialled-1 {
			return fmt.Errorf("%d are", kept)
		}
		return nil
	})
	redistest.Poll(t, systemtest.StartWithin, "callbacks to be told", func(context.Context) error {
		if n := len(d.told); n < dialled*2 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
}

func callerOf(i int) dypls.Phone { return dypls.Phone(number("136", i)) }

// calls are all calls, read with the keys.
func (d *day) calls(t *testing.T) []calls.Call {
	t.Helper()
	keys, err := tasks.KeysFromFile(t.Context(), d.keys)
	if err != nil {
		t.Fatal(err)
	}
	store, err := calls.New(calls.Config{Redis: tasks.RedisConfig{URL: d.Redis.URL()}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	all, _, err := store.List(t.Context(), calls.Filter{Since: time.Now().Add(-24 * time.Hour), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// look opens the console's pages, the commands that show something, and doctor.
func (d *day) look(t *testing.T) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(systemtest.DashPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := systemtest.TempFile(t, fmt.Sprintf("eve:%s:see,operate,numbers,listen\n", hash))
	p := systemtest.Start(t, d.Env, "dash", "--listen", "127.0.0.1:0", "--auth", users, "--allow-actions")
	redistest.Poll(t, systemtest.StartWithin, "the dashboard to be up", p.Wrote(`"message":"dashboard listening"`))
	d.processes["dash"] = p
	url := regexp.MustCompile(`http://[^"]+/`).FindString(p.Text())
	id := d.calls(t)[0].ID
	for _, path := range []string{
		"now", "tasks", "task?id=order-0", "task?id=order-42", "uncertain", "audit", "calls", "call?id=" + id, "recordings", "numbers",
		"pool?key=" + systemtest.NamedPool, "callbacks", "confirm?verb=cancel&id=tomorrow", "bulk?verb=retry&state=failed",
	} {
		status, text := d.page(t, url+"console/"+path)
		if status >= http.StatusInternalServerError || strings.Contains(text, "undecryptable") {
			t.Errorf("%s: %d", path, status)
		}
		if hits := marked.FindAllString(text, -1); hits != nil {
			t.Errorf("%s shows %v", path, hits)
		}
	}
	for _, args := range [][]string{
		{"list"}, {"explain", "order-42"}, {"result", "order-0"}, {"calls", "list"}, {"calls", "show", id}, {"recordings", "list"}, {"callbacks", "list"},
		{"callbacks", "replay", "orders", "--since", "1h"}, {"audit"}, {"queues"}, {"numbers", "list"}, {"doctor"},
	} {
		r := systemtest.Run(t, d.Env, "", args...)
		said := regexp.MustCompile(`(?m)^ok +undecryptable .*$`).ReplaceAllString(r.Out+r.Errors, "")
		if strings.Contains(said, "undecryptable") || strings.Contains(said, "does not open") {
			t.Errorf("%v: %s", args, said)
		}
	}
}

func (d *day) page(t *testing.T, url string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("eve", systemtest.DashPassword)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body strings.Builder
	if _, err := fmt.Fprint(&body, response.Status); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<20)
	for {
		n, err := response.Body.Read(buffer)
		body.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	return response.StatusCode, body.String()
}
