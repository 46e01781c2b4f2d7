package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	receiptSecret = "a-secret-of-the-test-0123"
	receiptNumber = "13812345678"
)

var receiverURL = regexp.MustCompile(`"url":"(http[^"]*/receipts/)"`)

// receiver starts one on a port of its own, and returns where pushes go.
func receiver(t *testing.T, env []string, args ...string) (*systemtest.Process, string) {
	t.Helper()
	args = append([]string{"receive", "--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", systemtest.TempFile(t, "# ours\n"+receiptSecret+"\n")}, args...)
	p := systemtest.Start(t, env, args...)
	redistest.Poll(t, systemtest.StartWithin, "the receiver to listen", p.Wrote("receiving receipts"))
	return p, receiverURL.FindStringSubmatch(p.Text())[1] + receiptSecret + "/"
}

// pushReceipt pushes one, and returns the status; 0 where the receiver was not there.
func pushReceipt(url, kind, body string) int {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Post(url+kind, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// pushed pushes one until it is taken in, and returns how often: a receiver that a busy machine
// holds up answers that it is to be sent again, and may have taken it in.
func pushed(t *testing.T, url, kind, body string) (tries int) {
	t.Helper()
	redistest.Poll(t, systemtest.StartWithin, kind+" to be taken in", func(context.Context) error {
		tries++
		if status := pushReceipt(url, kind, body); status != http.StatusOK {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	return tries
}

func endOf(call, task string) string {
	return fmt.Sprintf(`[{"call_id":%q,"pool_key":"FC1","out_id":%q,"sub_id":7,"phone_no":%q,"secret_no":%q,"call_time":%d,"start_time":%d,"release_time":%d,"release_dir":2,"release_cause":16}]`,
		call, task, receiptNumber, receiptNumber, time.Now().Add(-time.Minute).UnixMilli(), time.Now().Add(-50*time.Second).UnixMilli(), time.Now().UnixMilli())
}

// TestReceive: what the platform pushes is a call that people and programs can look at.
//
//nolint:gocognit // one story, told in order
func TestReceive(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	env := systemtest.CleanEnv(server.Env()...)
	p, url := receiver(t, append(env, "DYPLSQ_ACCOUNT=shop"), "--metrics-listen", "127.0.0.1:0")
	tries := map[string]int{}
	for kind, body := range map[string]string{
		"SecretReport": endOf("c1", "order-1"), "SecretRecording": `[{"call_id":"c1"},{"phone_no":"` + receiptNumber + `"}]`, "SecretStartReport": `[{"call_id":"c2","out_id":"order-2","secret_no":"` + receiptNumber + `"}]`,
	} {
		tries[kind] = pushed(t, url, kind, body)
	}
	if status := pushReceipt(strings.Replace(url, receiptSecret, "another", 1), "SecretReport", "[]"); status != http.StatusNotFound {
		t.Errorf("another secret: status %d", status)
	}
	var shown struct {
		State     string `json:"-"`
		CallID    string `json:"call_id"`
		Account   string `json:"account"`
		TaskID    string `json:"task_id"`
		PhoneNo   string `json:"phone_no"`
		Answered  bool   `json:"answered"`
		Recording struct {
			State string `json:"state"`
		} `json:"recording"`
	}
	redistest.Poll(t, systemtest.StartWithin, "the call", func(context.Context) error {
		r := systemtest.Run(t, env, "", "calls", "show", "c1", "--json") //nolint:contextcheck // it has its own
		if r.Status != statusOK {
			return errors.New(r.Errors)
		}
		if err := json.Unmarshal([]byte(r.Out), &shown); err != nil {
			return err
		}
		if shown.Recording.State != "announced" || !shown.Answered {
			return errors.New(r.Out)
		}
		if r = systemtest.Run(t, env, "", "calls", "show", "c2"); r.Status != statusOK { //nolint:contextcheck // it has its own
			return errors.New(r.Errors)
		}
		return nil
	})
	if shown.CallID != "c1" || shown.Account != "shop" || shown.TaskID != "order-1" || shown.PhoneNo != "138****5678" {
		t.Errorf("%+v", shown)
	}
	all := ""
	for args, want := range map[string][]string{
		"calls show c1": {"answered", "shop", "order-1", "called", "normal clearing", "announced", "SecretReport SecretRecording"}, "calls list": {"c1", "c2", "not ended"},
		"calls list --task order-1": {"c1", "answered"}, "calls list --since 1h --json": {`"call_id":"c1"`},
	} {
		r := systemtest.Run(t, env, "", strings.Fields(args)...)
		if r.Status != statusOK {
			t.Errorf("%s: exit status %d, %s", args, r.Status, r.Errors)
		}
		for _, words := range want {
			if !strings.Contains(r.Out, words) {
				t.Errorf("%s does not say %q:\n%s", args, words, r.Out)
			}
		}
		all += r.Out
	}
	if r := systemtest.Run(t, env, "", "calls", "show", "c3"); r.Status != statusUsage {
		t.Errorf("an unknown call: exit status %d, %s", r.Status, r.Errors)
	}
	metricsURL := regexp.MustCompile(`"url":"(http[^"]*/)metrics"`).FindStringSubmatch(p.Text())[1]
	lines := []string{
		`dyplsq_receipt_pushes_total{status="200",type="SecretReport"} 1`, `dyplsq_receipt_pushes_total{status="404",type="other"} 1`,
		`dyplsq_receipts_total{result="merged",type="SecretRecording"} 1`, `dyplsq_receipt_pushes_waiting 0`,
		`dyplsq_calls_total{pool="FC1",result="answered"} 1`,
	}
	unread := `dyplsq_receipts_total{result="unread",type="SecretRecording"} `
	if tries["SecretRecording"] == 1 { // each push of it holds one
		unread += "1\n"
	}
	var text string
	redistest.Poll(t, systemtest.StartWithin, "the receipts to be counted", func(context.Context) (lacks error) {
		var status int
		status, text = systemtest.Get(t, metricsURL+"metrics") //nolint:contextcheck // it has its own
		for _, line := range append(lines, unread) {
			if status != http.StatusOK || !strings.Contains(text, line) {
				lacks = errors.Join(lacks, fmt.Errorf("status %d, the metrics lack %s", status, line))
			}
		}
		return lacks
	})
	for path, want := range map[string]int{"healthz": 200, "readyz": 200} {
		if status, text := systemtest.Get(t, metricsURL+path); status != want {
			t.Errorf("%s: status %d, %s", path, status, text)
		}
	}
	if status := p.Terminate(t, syscall.SIGTERM); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	for what, text := range map[string]string{"the log": p.Text(), "the output": all, "the metrics": text} {
		if strings.Contains(text, "12345678") || strings.Contains(text, receiptSecret) {
			t.Errorf("%s shows a number or the secret:\n%s", what, text)
		}
	}
}

// TestKilledReceiverLosesNothing: a receiver is killed again and again under pushes; whatever was
// answered with OK has its call, once.
//
//nolint:gocognit // one story, told in order
func TestKilledReceiverLosesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	env := systemtest.CleanEnv(server.Env()...)
	const kills, pushers = 4, 8
	var (
		mu     sync.Mutex
		stored []string
		next   int
	)
	for range kills {
		p, url := receiver(t, env)
		stop := make(chan struct{})
		var pushing sync.WaitGroup
		enough := make(chan struct{})
		for range pushers {
			pushing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					next++
					id := fmt.Sprintf("call-%d", next)
					mu.Unlock()
					if pushReceipt(url, "SecretReport", endOf(id, "order-"+id)) == http.StatusOK {
						mu.Lock()
						if stored = append(stored, id); len(stored)%50 == 0 {
							select {
							case enough <- struct{}{}:
							default:
							}
						}
						mu.Unlock()
					}
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(systemtest.StartWithin):
			t.Error("50 pushes were not stored in time")
		}
		p.Kill(t) // while pushes are stored, answered and merged
		close(stop)
		pushing.Wait()
	}
	_, url := receiver(t, env)
	for _, id := range stored[:20] { // again, as where the answer was lost
		_ = pushReceipt(url, "SecretReport", endOf(id, "order-"+id))
	}
	client := server.Client(t)
	redistest.Poll(t, systemtest.StartWithin, "everything to be merged", func(ctx context.Context) error {
		n, err := client.XLen(ctx, "dypls:receipts").Result()
		if err == nil && n > 0 {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
	listed := map[string]int{}
	r := systemtest.Run(t, env, "", "calls", "list", "--since", "1h", "--json")
	for line := range systemtest.Lines(r.Out) {
		var c struct {
			CallID   string   `json:"call_id"`
			Receipts []string `json:"receipts"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil || len(c.Receipts) != 1 {
			t.Errorf("%s: %v", line, err)
		}
		listed[c.CallID]++
	}
	for _, id := range stored {
		if listed[id] != 1 {
			t.Errorf("%s was answered with OK, and is listed %d times", id, listed[id])
		}
	}
	if len(stored) < 50*kills {
		t.Errorf("only %d pushes were stored", len(stored))
	}
	systemtest.NoNumbers(t, "the list", r.Out)
}

// TestReceiveRefusesToStart: what would let strangers in, or take nothing in, is said at once.
func TestReceiveRefusesToStart(t *testing.T) {
	t.Parallel()
	nowhere := "REDIS_URL=redis://127.0.0.1:1/0"
	good := systemtest.TempFile(t, receiptSecret)
	tests := map[string]struct {
		args []string
		says []string
	}{
		"nothing":                {nil, []string{"--receipts-listen", "--receipts-secret-file", "openssl rand", "--receipts-queue"}},
		"a queue of no type":     {[]string{"--receipts-queue", "Alicom-Queue-1-SecretReport"}, []string{"--receipts-queue", "TYPE=QUEUE"}},
		"a queue that is a path": {[]string{"--receipts-queue", "SecretReport=a/b"}, []string{"letters, digits and hyphens"}},
		"a queue twice":          {[]string{"--receipts-queue", "SecretReport=q,SecretRecording=q"}, []string{"given twice"}},
		"queues in the clear":    {[]string{"--receipts-queue", "SecretReport=q", "--receipts-queue-endpoint", "http://queues.example"}, []string{"--receipts-queue-endpoint", "https://"}},
		"tokens in the clear":    {[]string{"--receipts-queue", "SecretReport=q", "--receipts-token-endpoint", "http://tokens.example"}, []string{"--receipts-token-endpoint", "https://"}},
		"no credentials":         {[]string{"--receipts-queue", "SecretReport=q"}, []string{"--receipts-queue", "no Alibaba Cloud credentials"}},
		"a queue and no secret":  {[]string{"--receipts-queue", "SecretReport=q", "--receipts-listen", "127.0.0.1:0"}, []string{"--receipts-secret-file"}},
		"no file":                {[]string{"--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", good + "x"}, []string{"cannot be read"}},
		"an empty file":          {[]string{"--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", systemtest.TempFile(t, "\n# none\n")}, []string{"has no secret"}},
		"a weak secret":          {[]string{"--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", systemtest.TempFile(t, "hush-hush")}, []string{"--receipts-secret-file", "at least 16 characters"}},
		"beyond loopback":        {[]string{"--receipts-listen", "0.0.0.0:0", "--receipts-secret-file", good}, []string{"beyond loopback the receiver needs TLS"}},
		"a proxy without a name": {[]string{"--receipts-listen", "0.0.0.0:0", "--receipts-secret-file", good, "--behind-proxy"}, []string{"--trusted-proxy"}},
		"a proxy of everybody":   {[]string{"--receipts-listen", "0.0.0.0:0", "--receipts-secret-file", good, "--behind-proxy", "--trusted-proxy", "0.0.0.0/0"}, []string{"is everybody"}},
		"a bad certificate":      {[]string{"--receipts-listen", "0.0.0.0:0", "--receipts-secret-file", good, "--tls-cert", good, "--tls-key", good}, []string{"cannot be used"}},
		"kept for a moment":      {[]string{"--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", good, "--keep-calls", "1s"}, []string{"--keep-calls (DYPLSQ_KEEP_CALLS)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := systemtest.Run(t, systemtest.CleanEnv(nowhere), "", append([]string{"receive"}, test.args...)...)
			if r.Status != statusUsage {
				t.Errorf("exit status %d, %s", r.Status, r.Errors)
			}
			for _, words := range test.says {
				if !strings.Contains(r.Errors, words) {
					t.Errorf("it does not say %q: %s", words, r.Errors)
				}
			}
			if strings.Contains(r.Errors, "hush") || strings.Contains(r.Errors, receiptSecret) {
				t.Errorf("it shows a secret: %s", r.Errors)
			}
		})
	}
	for _, args := range []string{"calls list", "calls show c1"} {
		if r := systemtest.Run(t, systemtest.CleanEnv(nowhere), "", strings.Fields(args)...); r.Status != statusUnreachable {
			t.Errorf("%s without Redis: exit status %d, %s", args, r.Status, r.Errors)
		}
	}
}

// A proxy that is trusted is answered; nobody else is.
func TestReceiverBehindAProxy(t *testing.T) {
	t.Parallel()
	env := systemtest.CleanEnv(redistest.Start(t).Env()...)
	_, url := receiver(t, env, "--behind-proxy", "--trusted-proxy", "127.0.0.1")
	pushed(t, url, "SecretReport", "[]")
	_, url = receiver(t, env, "--behind-proxy", "--trusted-proxy", "10.0.0.7")
	if status := pushReceipt(url, "SecretReport", "[]"); status != http.StatusForbidden {
		t.Errorf("from elsewhere: status %d", status)
	}
}

// TestLostBindIsSettledByAReceipt: a worker settles an uncertain bind when the receiver has taken
// in the receipt of a call on its binding.
func TestLostBindIsSettledByAReceipt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	_, url := receiver(t, systemtest.CleanEnv(server.Env()...))
	s := systemtest.NewOn(t, server, dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
		Calls:  dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{
			Push:         map[string]string{"SecretReport": url + "SecretReport"},
			AnswerWithin: 30 * time.Second, Again: slices.Repeat([]time.Duration{2 * time.Minute}, 200),
		},
	})
	worker := s.Worker(t)
	r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", "--id", "order-1", "--wait", "2m",
		`{"PoolKey":"`+dyplstest.DefaultPoolKey+`","PhoneNoA":"`+receiptNumber+`","Expiration":"2099-01-31 23:59:59"}`)
	if r.Status != systemtest.StatusFailed || !strings.Contains(r.Out, "uncertain") {
		t.Fatalf("exit status %d: %s%s", r.Status, r.Out, r.Errors)
	}
	if _, err := s.Simulator.PlaceCall(dyplstest.Dial{SubsID: s.Simulator.Ledger()[0].SubsID, Caller: "13900000002"}); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, systemtest.StartWithin, "the bind to be settled", worker.Wrote("uncertain bind settled by a receipt"))
	if r = systemtest.Run(t, s.Env, "", "explain", "order-1"); !strings.Contains(r.Out, "it succeeded; settled by receipt") {
		t.Errorf("exit status %d: %s%s", r.Status, r.Out, r.Errors)
	}
	if strings.Contains(worker.Text(), receiptNumber) {
		t.Error("the worker's log shows a number")
	}
}
