package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// counts are what became of receipts.
type counts struct {
	mu      sync.Mutex
	settled map[string]int
}

func (c *counts) count(r ReceiptEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled == nil {
		c.settled = map[string]int{}
	}
	c.settled[string(r.Type)+" "+string(r.Result)]++
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, t := range dypls.ReceiptTypes() {
		for _, r := range []Result{Merged, Duplicate, Other, Unread, Undecryptable} {
			if n := c.settled[string(t)+" "+string(r)]; n > 0 {
				parts = append(parts, fmt.Sprint(t, " ", r, " ", n))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func TestPushIsAnswered(t *testing.T) {
	t.Parallel()
	const older = "the-secret-before-0123"
	s := open(t, redistest.Start(t))
	server := serve(t, s, HandlerConfig{Secrets: []string{secret, older}, MaxBody: 1000})
	tests := map[string]struct {
		method, path, body string
		status             int
		answer             string
	}{
		"stored":              {"POST", "/receipts/" + secret + "/SecretReport", "[]", 200, `{"code":0,"msg":"OK"}`},
		"the older secret":    {"POST", "/receipts/" + older + "/SecretRecording", "anything", 200, `{"code":0,"msg":"OK"}`},
		"another secret":      {"POST", "/receipts/" + secret + "x/SecretReport", "[]", 404, "404 page not found"},
		"no secret":           {"POST", "/receipts//SecretReport", "[]", 404, "404 page not found"},
		"no type":             {"POST", "/receipts/" + secret, "[]", 404, "404 page not found"},
		"another type":        {"POST", "/receipts/" + secret + "/SmartLogisticsReport", "[]", 404, "404 page not found"},
		"more behind":         {"POST", "/receipts/" + secret + "/SecretReport/x", "[]", 404, "404 page not found"},
		"another path":        {"POST", "/", "[]", 404, "404 page not found"},
		"GET":                 {"GET", "/receipts/" + secret + "/SecretReport", "", 405, `{"code":405,"msg":"Method Not Allowed"}`},
		"GET, another secret": {"GET", "/receipts/x/SecretReport", "", 404, "404 page not found"},
		"too long":            {"POST", "/receipts/" + secret + "/SecretReport", strings.Repeat(" ", 1001), 413, `{"code":413,"msg":"Request Entity Too Large"}`},
		"as long as allowed":  {"POST", "/receipts/" + secret + "/SecretReport", strings.Repeat(" ", 1000), 200, `{"code":0,"msg":"OK"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequest(test.method, server.URL+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if got := strings.TrimSpace(string(text)); err != nil || answer.StatusCode != test.status || got != test.answer {
				t.Errorf("%d %s (%v), want %d %s", answer.StatusCode, got, err, test.status, test.answer)
			}
		})
	}
}

func TestHandlerRefusesWeakSecrets(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	for _, secrets := range [][]string{nil, {""}, {"short"}, {secret, "with/a slash in it 0123"}} {
		if _, err := s.Handler(HandlerConfig{Secrets: secrets}); err == nil || strings.Contains(err.Error(), "slash") {
			t.Errorf("%d secrets: %v", len(secrets), err)
		}
	}
}

// TestPausedRedisIsAnsweredForInTime: while Redis stands still every push gets its answer, an
// error; and nothing that was ever answered with OK is lost.
func TestPausedRedisIsAnsweredForInTime(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t)
	s := open(t, redisServer)
	server := serve(t, s, HandlerConfig{Deadline: 300 * time.Millisecond, Concurrent: 8})
	run(t, s)
	stop, goOn := signalRedis(t, redisServer.Client(t))
	var (
		mu     sync.Mutex
		stored []string
		next   int
	)
	// Each of n pushes of one call; what is not stored is left.
	pushes := func(n int) (refused int) {
		var all sync.WaitGroup
		for range n {
			next++
			id := fmt.Sprintf("call-%d", next)
			all.Go(func() {
				status := push(t, server, dypls.TypeSecretReport, "["+receiptsOf(id)[dypls.TypeSecretReport]+"]")
				mu.Lock()
				defer mu.Unlock()
				switch status {
				case http.StatusOK:
					stored = append(stored, id)
				case http.StatusServiceUnavailable:
					refused++
				default:
					t.Errorf("status %d", status)
				}
			})
		}
		all.Wait()
		return refused
	}
	pushes(20)
	stop()
	// So many, a few at a time, would take minutes if anybody waited for Redis
	// until its client gives up.
	const paused = 240
	before := len(stored)
	if refused := pushes(paused); refused != paused || len(stored) != before {
		t.Errorf("%d of %d pushes were refused while Redis stood still", refused, paused)
	}
	goOn()
	redistest.Poll(t, within, "a push to be stored again", func(context.Context) error {
		if pushes(1) > 0 {
			return errors.New("refused")
		}
		return nil
	})
	pushes(20)
	settled(t, s)
	if len(stored) < 10 {
		t.Errorf("only %d pushes were stored", len(stored))
	}
	for _, id := range stored {
		if c, err := s.Get(t.Context(), id); err != nil || !c.Answered() {
			t.Errorf("%s was answered with OK: %v", id, err)
		}
	}
}

// A body that does not come in time is no reason to answer late.
func TestSlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	server := serve(t, s, HandlerConfig{Deadline: 100 * time.Millisecond})
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	request, err := http.NewRequest(http.MethodPost, server.URL+"/receipts/"+secret+"/SecretReport", body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request) // returns at all
	if err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("status %d", answer.StatusCode)
		}
	}
}

// TestPushIsOnReplicas: a push is answered with OK once a replica has it. Where none takes it in
// time it is refused, to come again, and its copies are one receipt.
func TestPushIsOnReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	var counted counts
	s := open(t, master, func(c *Config) { c.WaitReplicas, c.Trace.ReceiptDone = 1, counted.count })
	server := serve(t, s, HandlerConfig{})
	body := "[" + receiptsOf("c1")[dypls.TypeSecretReport] + "]"
	taken := func(what string) {
		t.Helper()
		redistest.Poll(t, within, what, func(context.Context) error {
			if status := push(t, server, dypls.TypeSecretReport, body); status != http.StatusOK {
				return fmt.Errorf("status %d", status)
			}
			return nil
		})
	}
	taken("a push to be taken, which a busy replica may be late for")
	if n, err := replica.Client(t).XLen(t.Context(), pushStream).Result(); err != nil || n < 1 {
		t.Errorf("the replica has %d pushes, %v", n, err)
	}
	replica.Freeze(t)
	if status := push(t, server, dypls.TypeSecretReport, body); status != http.StatusServiceUnavailable {
		t.Errorf("status %d without a replica", status)
	}
	replica.Thaw(t)
	taken("the replica to take pushes again")
	run(t, s)
	settled(t, s)
	if c := get(t, s, "c1"); !c.Answered() || len(c.Raw) != 1 {
		t.Errorf("%v", c)
	}
	if got := counted.String(); !strings.HasPrefix(got, "SecretReport merged 1, SecretReport duplicate ") {
		t.Errorf("counted %s", got)
	}
}
