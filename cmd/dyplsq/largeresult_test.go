package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

const recordingOf = "QueryRecordFileDownloadUrl"

// longAnswer is an answer of so many bytes, with its link.
func longAnswer(size int) (answer, link string) {
	const form = `{"Code":"OK","Message":"OK","RequestId":"8906582E-6722-409F-AD8B-C2F9C0F7A5B0","DownloadUrl":%q}`
	link = fmt.Sprintf("https://oss.example.com/r.mp3?Expires=%d&Signature=", time.Now().Add(time.Hour).Unix())
	link += strings.Repeat("z", size-len(fmt.Sprintf(form, link)))
	return fmt.Sprintf(form, link), link
}

// longCaller lets answers be as long as may be, and gives those itself that are longer than any
// client takes.
type longCaller struct {
	dypls.Caller
	own map[string]string // by CallId
}

// Call implements [dypls.Caller].
func (c longCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	for _, p := range call.Parameters {
		if answer, own := c.own[p.Value]; own && p.Name == "CallId" {
			return dypls.Answer{Status: 200, Code: dypls.CodeOK, Message: dypls.CodeOK, RequestID: "own", Body: []byte(answer)}, nil
		}
	}
	call.MaxAnswer = 1 << 20
	return c.Caller.Call(ctx, call)
}

// TestLargeResult: a result of a MiB, and one of four, come whole through Redis to everybody who
// asks.
func TestLargeResult(t *testing.T) {
	t.Parallel()
	mebibyte, four := 1<<20, 4<<20
	answer, link := longAnswer(mebibyte)
	ownAnswer, ownLink := longAnswer(four)
	links := map[string]string{"mebibyte": link, "four": ownLink}
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: recordingOf, Do: dyplstest.Body, Body: answer}}})
	libraryWorker(t, s, func(c dypls.Caller) dypls.Caller { return longCaller{c, map[string]string{"four": ownAnswer}} })
	queue := queuetest.On(t, s.Redis.AppClient(t))

	for id, want := range links {
		if got := s.Enqueue(t, statusOK, recordingOf, recordingRequest(id), "--id", id, "--wait", "60s"); !isLink(got[0].Result, want) {
			t.Errorf("%s: enqueue --wait told another link than was answered: %s", id, systemtest.Tail(string(got[0].Result)))
		}
		if got := s.Outcome(t, id, "1s"); got.State != tasks.StateSucceeded || !isLink(got.Result, want) {
			t.Errorf("%s: result told %s, or another link than was answered", id, got.State)
		}
		if r := systemtest.Run(t, s.Env, "", "result", id); r.Status != statusOK || len(r.Out) > 1000 {
			t.Errorf("%s: for people it is %d characters", id, len(r.Out))
		}
		if got, err := tasks.QueryRecordFileDownloadURL.Wait(t.Context(), queue, id); err != nil || string(got.DownloadURL) != want {
			t.Errorf("%s: Wait returned another link than was answered: %v", id, err)
		}
	}
	followed := map[string]bool{}
	ctx, enough := context.WithTimeout(t.Context(), systemtest.StartWithin)
	defer enough()
	err := queue.Follow(ctx, "library", "a", func(_ context.Context, o tasks.Outcome) error {
		followed[o.ID] = isLink(o.Result, links[o.ID])
		if len(followed) == len(links) {
			enough()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || !followed["mebibyte"] || !followed["four"] {
		t.Errorf("Follow: %v, %v", err, followed)
	}
	for id, o := range follow(t, s, len(links)) {
		if !isLink(o.Result, links[id]) {
			t.Errorf("%s: follow printed another link than was answered", id)
		}
	}
}

// TestAnswerTooLong: an answer that is longer than a client takes is told as that, with what may
// be, and what to do.
func TestAnswerTooLong(t *testing.T) {
	t.Parallel()
	answer, _ := longAnswer(64<<10 + 1)
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: recordingOf, Do: dyplstest.Body, Body: answer}}})
	s.Env = append(s.Env, "DYPLSQ_MAX_ATTEMPTS=1")
	s.Worker(t)
	o := s.Enqueue(t, statusFailed, recordingOf, recordingRequest("long"), "--id", "long", "--wait", "60s")[0]
	if o.State != tasks.StateFailed || o.Code != dypls.CodeNoAnswer {
		t.Errorf("%s %s", o.State, o.Code)
	}
	for _, text := range []string{"body must have at most 65536 bytes", "what answers in the API's place", "MaxAnswer"} {
		if !strings.Contains(o.Message, text) {
			t.Errorf("does not say %q: %s", text, o.Message)
		}
	}
}

func recordingRequest(callID string) string {
	return fmt.Sprintf(`{"PoolKey":%q,"CallId":%q,"CallTime":%q}`, dyplstest.DefaultPoolKey, callID, dypls.At(time.Now().Add(-time.Hour)))
}

func isLink(result []byte, want string) bool {
	var r struct {
		DownloadURL string `json:"DownloadUrl"`
	}
	return json.Unmarshal(result, &r) == nil && r.DownloadURL == want
}

// libraryWorker runs a worker as an application does that has a caller of its own.
func libraryWorker(t *testing.T, s *systemtest.System, wrap func(dypls.Caller) dypls.Caller) {
	t.Helper()
	settings := map[string]string{}
	for _, entry := range s.Env {
		name, value, _ := strings.Cut(entry, "=")
		settings[name] = value
	}
	client, err := aliyun.New(aliyun.Config{
		Endpoint:    settings["DYPLSQ_ENDPOINT"],
		Credentials: aliyun.StaticCredentials(settings["ALIBABA_CLOUD_ACCESS_KEY_ID"], settings["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := worker.New(worker.Config{Caller: wrap(client), Redis: tasks.RedisConfig{
		URL: settings["REDIS_URL"], CAFile: settings["REDIS_CA_FILE"], CertFile: settings["REDIS_CERT_FILE"],
		KeyFile: settings["REDIS_KEY_FILE"], ServerName: settings["REDIS_SERVER_NAME"],
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("the worker ended: %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
}

// follow runs dyplsq follow until it has printed so many outcomes.
func follow(t *testing.T, s *systemtest.System, n int) map[string]tasks.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), systemtest.StartWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "follow", "--group", "cli", "--json")
	cmd.Env, cmd.Stderr = s.Env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := map[string]tasks.Outcome{}
	decoder := json.NewDecoder(bufio.NewReader(out))
	for len(told) < n {
		var o tasks.Outcome
		if err := decoder.Decode(&o); err != nil {
			t.Fatalf("after %d outcomes: %v", len(told), err)
		}
		told[o.ID] = o
	}
	cancel()
	_ = cmd.Wait()
	return told
}
