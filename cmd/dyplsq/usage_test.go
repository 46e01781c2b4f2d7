package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestUsage: what is wrong is said in one go, with its status, and never repeats a number.
func TestUsage(t *testing.T) {
	t.Parallel()
	const marker = "13912345678"
	nowhere := []string{"REDIS_URL=redis://127.0.0.1:1/0"}
	tests := map[string]struct {
		env    []string
		stdin  string
		args   []string
		status int
		says   []string
	}{
		"no REDIS_URL": {
			args: []string{"worker"}, status: statusUsage, says: []string{"REDIS_URL is not set"},
		},
		"no credentials": {
			env: nowhere, args: []string{"worker"}, status: statusUsage, says: []string{"no Alibaba Cloud credentials", "ALIBABA_CLOUD_ACCESS_KEY_ID"},
		},
		"a blank within a key": {
			env: append(nowhere, "ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5t abc", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=x"), args: []string{"worker"},
			status: statusUsage, says: []string{"the environment", "the access key ID holds a blank"},
		},
		"libraries that print secrets": {
			env: append(nowhere, "DEBUG=other,credential"), args: []string{"worker"}, status: statusUsage, says: []string{"DEBUG", "unset it"},
		},
		"plain http to another machine": {
			env: nowhere, args: []string{"worker", "--endpoint", "http://api.example.com"}, status: statusUsage, says: []string{"Endpoint", "https://"},
		},
		"timeouts that do not nest": {
			env: nowhere, args: []string{"worker", "--http-timeout", "30s"}, status: statusUsage, says: []string{"claim lease", "shutdown"},
		},
		"a malformed Redis URL that holds a password": {
			env: []string{"REDIS_URL=redis://:" + marker + "@host:port/0"}, args: []string{"worker"}, status: statusUsage, says: []string{"malformed"},
		},
		"everything wrong with Sentinels": {
			env:    []string{"REDIS_URL=redis-sentinel://:" + marker + "@h:port/0", "REDIS_CERT_FILE=/nonexistent", "REDIS_CA_FILE=/nonexistent"},
			args:   []string{"result", "x"},
			status: statusUsage, says: []string{"number 1 of the list", "?master=NAME", "belong together", "CA file"},
		},
		"a URL of another Redis than the cluster's": {
			env:  []string{"REDIS_URL=redis://:" + marker + "@h", "REDIS_CLUSTER_NODES=a:1,b:2"},
			args: []string{"result", "x"}, status: statusUsage, says: []string{"none of the nodes"},
		},
		"too many shards": {env: nowhere, args: []string{"enqueue", "BindAxn", systemtest.Bind(1, ""), "--shards", "65"}, status: statusUsage, says: []string{"must be 1 to 64"}},
		"no shards": {
			env: append(nowhere, "DYPLSQ_SHARDS=0"), args: []string{"queues"}, status: statusUsage, says: []string{"must be 1 to 64"},
		},
		"unknown command": {args: []string{"enque"}, status: statusUsage, says: []string{"enque"}},
		"unknown action": {
			env: nowhere, args: []string{"enqueue", "BindAxy", "{}"}, status: statusUsage, says: []string{"BindAxnExtension", "UnbindSubscription"},
		},
		"look-ups are not queued": {
			env: nowhere, args: []string{"enqueue", "QuerySubsId", "{}"}, status: statusUsage, says: []string{"unknown action"},
		},
		"everything wrong with one object": {
			env:    nowhere,
			args:   []string{"enqueue", "BindAxn", `{"PhoneNumberA":"+86` + marker + `","PhoneNoB":"139 1234 5678","Expiration":1763804642000,"ExpectCity":"北京市"}`},
			status: statusUsage,
			says:   []string{`"PhoneNumberA"`, "did you mean PhoneNoA?", "PhoneNoB must be 3-20 digits", "Expiration must be", "ExpectCity", "PoolKey is required"},
		},
		"everything wrong with a batch": {
			env: nowhere, stdin: "{\n" + systemtest.Bind(1, `,"TaskID":"ok"`) + "\n" + systemtest.Bind(2, `,"IsRecordEnabled":true`) + "\n[]\n",
			args: []string{"enqueue", "BindAxn", "-"}, status: statusUsage,
			says: []string{"nothing was enqueued", "line 1:", "line 3:", "IsRecordingEnabled", "line 4:"},
		},
		"no input":       {env: nowhere, args: []string{"enqueue", "BindAxn"}, status: statusUsage, says: []string{"no input"}},
		"input twice":    {env: nowhere, args: []string{"enqueue", "BindAxn", "{}", "--file", "x"}, status: statusUsage, says: []string{"not both"}},
		"a missing file": {env: nowhere, args: []string{"enqueue", "BindAxn", "--file", "/nonexistent"}, status: statusUsage, says: []string{"cannot be read"}},
		"--id of a batch": {
			env: nowhere, stdin: systemtest.Bind(1, "") + "\n" + systemtest.Bind(2, ""), args: []string{"enqueue", "BindAxn", "-", "--id", "one"}, status: statusUsage, says: []string{"TaskID"},
		},
		"Redis out of reach": {
			env: nowhere, args: []string{"enqueue", "BindAxn", systemtest.Bind(12345678, "")}, status: statusUnreachable, says: []string{"out of reach"},
		},
		"everything wrong with a list": {
			env: nowhere, args: []string{"list", "--state", "done", "--action", "BindAxy", "--account", "a b", "--cursor", "?"}, status: statusUsage,
			says: []string{"State must be", "Action must be", "Account", "Cursor must be"},
		},
		"a list of nothing": {env: nowhere, args: []string{"list", "--limit", "0"}, status: statusUsage, says: []string{"must be 1 to"}},
		"a list out of reach": {
			env: nowhere, args: []string{"list", "--state", "failed"}, status: statusUnreachable, says: []string{"out of reach"},
		},
		"a rule of the simulator": {
			args: []string{"sim", "--fault", "action=BindAxn kode=x"}, status: statusUsage, says: []string{"kode"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := systemtest.Run(t, systemtest.CleanEnv(append(test.env, "HOME="+t.TempDir())...), test.stdin, test.args...)
			if r.Status != test.status {
				t.Errorf("exit status %d, want %d", r.Status, test.status)
			}
			for _, text := range test.says {
				if !strings.Contains(r.Errors, text) {
					t.Errorf("does not say %q:\n%s", text, r.Errors)
				}
			}
			if r.Out != "" {
				t.Errorf("wrote to stdout: %s", r.Out)
			}
			if strings.Contains(r.Errors, marker) || strings.Contains(r.Errors, "1234 5678") {
				t.Errorf("repeats a number or a secret:\n%s", r.Errors)
			}
		})
	}
}

// TestStatuses: what outcomes amount to.
func TestStatuses(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.ILLEGAL_ARGUMENT"}}})
	if o := s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "one")[0]; o.State != tasks.StatePending || o.ID != "one" || o.EnqueuedAt.IsZero() {
		t.Errorf("without --wait the outcome is %s of %s", o.State, o.ID)
	}
	s.Enqueue(t, statusPending, "BindAxn", systemtest.Bind(1, ""), "--id", "one", "--wait", "100ms")
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(2, ""), "--id", "one"); r.Status != statusUsage || !strings.Contains(r.Errors, "PhoneNoA") {
		t.Errorf("a key reused: exit status %d, %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(2, ""), "--id", "13900000002"); r.Status != statusUsage || strings.Contains(r.Errors, "13900000002") {
		t.Errorf("a key that is the number: exit status %d, %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "nobody"); r.Status != statusUsage {
		t.Errorf("an unknown id: exit status %d", r.Status)
	}
	batch := systemtest.Bind(3, `,"TaskID":"three"`) + "\n" + systemtest.Bind(4, `,"TaskID":"one"`)
	if r := systemtest.Run(t, s.Env, batch, "enqueue", "BindAxn", "-"); r.Status != statusUsage || !strings.Contains(r.Errors, "line 2:") {
		t.Errorf("a batch with a key reused: exit status %d, %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "three"); r.Status != statusUsage {
		t.Errorf("the sound line of a refused batch was enqueued all the same: exit status %d", r.Status)
	}
	for key, value := range systemtest.AsynqValues(t, s.Redis.Client(t)) {
		systemtest.NoNumbers(t, key, value)
	}
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "one", "--wait", "20s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(9, ""), "--wait", "20s")
	r := systemtest.Run(t, s.Env, "", "result", "one")
	if r.Status != statusOK || !strings.Contains(r.Out, "****") {
		t.Errorf("result for people: exit status %d, %s", r.Status, r.Out)
	}
	systemtest.NoNumbers(t, "the line for people", r.Out)
}

func TestCodes(t *testing.T) {
	t.Parallel()
	r := systemtest.Run(t, systemtest.CleanEnv(), "", "codes", "--json")
	var lines int
	for line := range systemtest.Lines(r.Out) {
		var code dypls.CodeInfo
		if err := json.Unmarshal([]byte(line), &code); err != nil || code.Code == "" {
			t.Errorf("%v: %s", err, line)
		}
		lines++
	}
	if lines != len(dypls.Codes()) {
		t.Errorf("%d codes, want %d", lines, len(dypls.Codes()))
	}
	table := systemtest.Run(t, systemtest.CleanEnv(), "", "codes")
	for _, text := range []string{"isv.FLOW_LIMIT", "业务流控", "Throttled"} {
		if !strings.Contains(table.Out, text) {
			t.Errorf("the table lacks %s", text)
		}
	}
	if v := systemtest.Run(t, systemtest.CleanEnv(), "", "version"); v.Status != statusOK || !strings.HasPrefix(v.Out, "dyplsq ") {
		t.Errorf("version: %d %s", v.Status, v.Out)
	}
}

// TestHelp: every flag that an environment variable can set says so.
func TestHelp(t *testing.T) {
	t.Parallel()
	r := systemtest.Run(t, systemtest.CleanEnv(), "", "worker", "--help")
	for _, name := range []string{
		"REDIS_URL", "DYPLSQ_ENDPOINT", "DYPLSQ_CONCURRENCY", "DYPLSQ_FETCHERS", "DYPLSQ_SHARDS", "DYPLSQ_LOG_FORMAT",
		"DYPLSQ_MAX_ATTEMPTS", "DYPLSQ_ON_UNCERTAIN", "DYPLSQ_HTTP_TIMEOUT", "DYPLSQ_SHUTDOWN_TIMEOUT",
	} {
		if !strings.Contains(r.Out, "$"+name) {
			t.Errorf("the help does not show %s", name)
		}
	}
	if r.Status != statusOK {
		t.Errorf("exit status %d", r.Status)
	}
}
