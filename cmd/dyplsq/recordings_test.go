package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestRecordingsOfATaskAreKept: from a bind through the queue to the recordings of its calls, in
// real processes. Receivers are killed again and again while downloads are cut, truncated, and
// slower than their links live, and the archive is away at first: each recording is kept once, as
// the service has it, and nothing shows a number or a link.
//
//nolint:gocognit // one story, told in order
func TestRecordingsOfATaskAreKept(t *testing.T) {
	t.Parallel()
	const calls, kills, caller = 60, 4, dypls.Phone("13812345678")
	address := systemtest.FreeAddress(t)
	push := dyplstest.PushAll("http://" + address + "/receipts/" + receiptSecret)
	s := systemtest.New(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.01},
		Receipts: dyplstest.Receipts{Push: push, Duplicates: 0.2, OutOfOrder: 0.1, AnswerWithin: 30 * time.Second, Again: slices.Repeat([]time.Duration{2 * time.Minute}, 60)},
		Recordings: dyplstest.Recordings{
			LinkLife: 3 * time.Second, NumberInName: true,
		},
		Faults: []dyplstest.Fault{
			{Action: "GetObject", Do: dyplstest.Cut, Rate: 0.3, First: 2},
			{Action: "GetObject", Do: dyplstest.Truncate, Rate: 0.2, First: 1},
			{Action: "GetObject", Do: dyplstest.Slow, Delay: 5 * time.Second, Rate: 0.2, First: 1},
			{Action: "GetObject", Code: "ServiceUnavailable", Rate: 0.2, First: 1},
		},
	}, "--appendonly", "yes", "--appendfsync", "always")
	s.Worker(t)
	binding := s.Bound(t, "order-1")
	root, log := filepath.Join(t.TempDir(), "recordings"), ""
	receive := func(listen string) *systemtest.Process {
		p := systemtest.Start(t, s.Env, "receive", "--receipts-listen", listen, "--receipts-secret-file", systemtest.TempFile(t, receiptSecret), "--metrics-listen", "127.0.0.1:0",
			"--archive", "file://"+root, "--archive-retry", "100ms", "--archive-parallel", "8")
		redistest.Poll(t, systemtest.StartWithin, "the receiver to listen", p.Wrote("receiving receipts"))
		return p
	}
	p, other := receive(address), receive("127.0.0.1:0")
	for n := range calls {
		if _, err := s.Simulator.PlaceCall(dyplstest.Dial{SubsID: binding.SubsID, Caller: caller, Recorded: new(true), Length: time.Duration(n+1) * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "the archive to be missed", p.Wrote("recording not kept"))
	if r := systemtest.Run(t, s.Env, "", "calls", "list", "--recording", "missing", "--json"); r.Status != statusOK || !strings.Contains(r.Out, binding.SubsID) {
		t.Errorf("calls without recordings: exit status %d, %s%s", r.Status, r.Out, r.Errors)
	}
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range kills {
		redistest.Poll(t, systemtest.StartWithin, "some to be kept", func(context.Context) error {
			if files, _ := systemtest.ArchivedFiles(t, root); len(files) < 2*(n+1)*calls/(kills+2) {
				return fmt.Errorf("%d files", len(files))
			}
			return nil
		})
		p.Kill(t)
		log += p.Text()
		p = receive(address)
	}
	redistest.Poll(t, 2*systemtest.StartWithin, "all recordings to be kept", func(context.Context) error {
		r := systemtest.Run(t, s.Env, "", "recordings", "list", "--state", "kept", "--json") //nolint:contextcheck // it has its own
		if n := strings.Count(r.Out, `"state":"kept"`); n != calls {
			return fmt.Errorf("%d are: %s", n, r.Errors)
		}
		return nil
	})
	if kept, _ := s.RecordingsKept(t, root); kept != calls {
		t.Errorf("%d recordings are kept, want %d", kept, calls)
	}
	found, _ := systemtest.ArchivedFiles(t, root)
	metricsURL := regexp.MustCompile(`"url":"(http[^"]*/)metrics"`).FindStringSubmatch(other.Text())[1]
	_, text := systemtest.Get(t, metricsURL+"metrics")
	for _, line := range []string{`dyplsq_recordings_missing{state="tried"} 0`, `dyplsq_recordings_missing{state="lost"} 0`, "dyplsq_recording_oldest_missing_seconds 0", `dyplsq_recordings_total{result="failed"} `} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	id, all := s.Simulator.Calls()[0].CallID, text
	for args, want := range map[string]string{
		"calls show " + id: "file://" + root, "recordings list": "CALL", "recordings list --state kept --since 1h": id, "calls list --recording kept --task order-1": id,
		"recordings retry --since 1h": "tried again: 0",
	} {
		r := systemtest.Run(t, s.Env, "", strings.Fields(args)...)
		if r.Status != statusOK || !strings.Contains(r.Out, want) {
			t.Errorf("%s: exit status %d, %s%s", args, r.Status, r.Out, r.Errors)
		}
		all += r.Out
	}
	for _, args := range []string{"recordings retry " + id, "recordings retry nobody", "recordings retry", "recordings list --state gone", "calls list --recording gone"} {
		if r := systemtest.Run(t, s.Env, "", strings.Fields(args)...); r.Status != statusUsage || r.Errors == "" {
			t.Errorf("%s: exit status %d, %s", args, r.Status, r.Errors)
		}
	}
	for _, last := range []*systemtest.Process{p, other} {
		if status := last.Terminate(t, syscall.SIGTERM); status != statusOK {
			t.Errorf("exit status %d", status)
		}
		log += last.Text()
	}
	names := ""
	for name := range found {
		names += name + "\n"
	}
	keys, err := s.Redis.Client(t).Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"a log": log, "an output": all, "a name": names, "a key": strings.Join(keys, "\n"), "a note": notes(t, root)} {
		if found := regexp.MustCompile(`12345678|` + string(binding.SecretNo) + `|Signature|OSSAccessKeyId|` + receiptSecret).FindString(text); found != "" {
			t.Errorf("%s shows %s", what, found)
		}
	}
}

// notes are what stands beside the recordings.
func notes(t *testing.T, root string) (all string) {
	t.Helper()
	found, _ := systemtest.ArchivedFiles(t, root)
	for name := range found {
		if strings.HasSuffix(name, ".json") {
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
	}
	return all
}

// TestDoctorLooksAtTheArchive: what cannot be used is told, and nothing is written.
func TestDoctorLooksAtTheArchive(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	root := t.TempDir()
	for archive, want := range map[string]string{"file://" + root: "nothing was written", "file://" + root + "/away": "is not there", "ftp://x": "must be file://"} {
		r := systemtest.Run(t, append(slices.Clone(s.Env), "DYPLSQ_ARCHIVE="+archive), "", "doctor")
		if !strings.Contains(r.Out, want) {
			t.Errorf("%s: %s%s", archive, r.Out, r.Errors)
		}
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if r := systemtest.Run(t, s.Env, "", "receive", "--receipts-listen", "127.0.0.1:0", "--receipts-secret-file", systemtest.TempFile(t, receiptSecret), "--archive", "ftp://x"); r.Status != statusUsage || !strings.Contains(r.Errors, "--archive") {
		t.Errorf("receive: exit status %d, %s", r.Status, r.Errors)
	}
	if _, err := os.Stat(filepath.Join(root, "away")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("doctor made a directory")
	}
}
