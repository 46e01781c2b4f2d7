package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// Many lines, whichever tool wrote them, are that many tasks.
func TestEnqueueReadsWhatToolsWrite(t *testing.T) {
	t.Parallel()
	jobs := 100_000
	if testing.Short() || systemtest.RaceDetector {
		jobs = 2_000
	}
	s := systemtest.New(t, dyplstest.Config{})
	write := func(name, before, between, after string, n int, utf16Order binary.AppendByteOrder) string {
		var text strings.Builder
		text.WriteString(before)
		for i := range n {
			if i > 0 {
				text.WriteString(between)
			}
			text.WriteString(systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"%s-%d","ExpectCity":"北京"`, name, i)))
		}
		text.WriteString(after)
		data := []byte(text.String())
		if utf16Order != nil {
			data = data[:0]
			for _, unit := range utf16.Encode([]rune(text.String())) {
				data = utf16Order.AppendUint16(data, unit)
			}
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	few := jobs / 100
	for name, test := range map[string]struct {
		file string
		n    int
	}{
		"BOM and CRLF":         {write("crlf", "\ufeff", "\r\n", "\r\n", jobs, nil), jobs},
		"UTF-16 of Windows":    {write("utf16le", "\ufeff", "\r\n", "\r\n", few, binary.LittleEndian), few},
		"UTF-16 unmarked":      {write("utf16be", "", "\n", "", few, binary.BigEndian), few},
		"an array":             {write("array", "[\n  ", ",\n  ", "\n]\n", few, nil), few},
		"an array of one line": {write("flat", "[", ",", "]", few, nil), few},
	} {
		r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", "--file", test.file)
		if n := strings.Count(r.Out, "\n"); r.Status != statusOK || n != test.n {
			t.Errorf("%s: exit status %d, %d tasks, want %d: %s", name, r.Status, n, test.n, systemtest.Tail(r.Errors))
		}
	}
	// one bad object of an array enqueues none
	bad := "[" + systemtest.Bind(1, `,"TaskID":"sound"`) + "," + systemtest.Bind(2, `,"TaskID":"bad","PoolKey":"FC2"`) + "]"
	if r := systemtest.Run(t, s.Env, bad, "enqueue", "BindAxn", "--file", "-"); r.Status != statusUsage || !strings.Contains(r.Errors, "object 2 of the array") || !strings.Contains(r.Errors, "given twice") {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "sound"); r.Status != statusUsage {
		t.Errorf("a part of a refused array was enqueued: %s", r.Out)
	}
}

// What cannot be meant is refused once, with what to do about it, and reads no further.
func TestInputIsBoundedAndNamed(t *testing.T) {
	t.Parallel()
	env := systemtest.CleanEnv("REDIS_URL=redis://127.0.0.1:1/0")
	object := systemtest.Bind(1, "")
	tests := map[string]struct {
		stdin string
		args  []string
		says  []string
	}{
		"gzip":                           {"\x1f\x8b\x08\x00\x00", []string{"enqueue", "BindAxn", "-"}, []string{"gzip", "gunzip"}},
		"GBK":                            {object + "\n{\"ExpectCity\":\"\xb1\xb1\xbe\xa9\"}\n", []string{"enqueue", "BindAxn", "-"}, []string{"from line 2 on", "GBK", "iconv"}},
		"an endless file":                {"", []string{"enqueue", "BindAxn", "--file", "/dev/zero"}, []string{"binary data"}},
		"an endless line":                {strings.Repeat(" x", 64<<10), []string{"enqueue", "BindAxn", "-"}, []string{"line 1 must have at most 64 KiB"}},
		"a huge object":                  {"[" + systemtest.Bind(1, `,"Extend":"`+strings.Repeat("x", 64<<10)+`"`) + "]", []string{"enqueue", "BindAxn", "-"}, []string{"object 1 of the array must have at most 64 KiB"}},
		"an empty array":                 {"[ ]", []string{"enqueue", "BindAxn", "-"}, []string{"empty array"}},
		"a broken array":                 {"[" + object + ",\n" + object + ",\n]", []string{"enqueue", "BindAxn", "-"}, []string{"a comma too many at line 3, character 1"}},
		"a broken object":                {"{\n \"PoolKey\": \"FC1\",\n}", []string{"enqueue", "BindAxn", "-"}, []string{"a comma too many at line 3, character 1"}},
		"commas between":                 {object + ",\n" + object, []string{"enqueue", "BindAxn", "-"}, []string{"line 1: the input is not JSON: a comma behind the object"}},
		"a near action":                  {"", []string{"enqueue", "bindaxn", "{}"}, []string{"did you mean BindAxn?"}},
		"no unit":                        {"", []string{"enqueue", "BindAxn", object, "--wait", "10"}, []string{"--wait", "as in 10s"}},
		"days":                           {"", []string{"enqueue", "BindAxn", object, "--in", "1d"}, []string{"--in", "24h"}},
		"an id with a space":             {"", []string{"result", "order-1 "}, []string{"TaskID must not contain white space: remove the space behind it"}},
		"an id to cancel with a space":   {"", []string{"cancel", " order-1"}, []string{"TaskID must not contain white space: remove the space in front of it"}},
		"an id to resolve, pasted":       {"", []string{"resolve", "order-1\u00a0", "--failed"}, []string{"TaskID must not contain white space"}},
		"an id to explain, pasted":       {"", []string{"explain", "order\u200b-1"}, []string{"TaskID must not contain white space"}},
		"an account of a list":           {"", []string{"worker", "--account", "shop, food"}, []string{"--account must not contain white space: remove the space in front of it"}},
		"a port alone":                   {"", []string{"sim", "--listen", "8081"}, []string{"--listen must be HOST:PORT", "127.0.0.1:8081"}},
		"no duration":                    {"", []string{"enqueue", "BindAxn", object, "--in", "soon"}, []string{"--in", "20m"}},
		"numbers, no end":                {"", []string{"numbers", "import", "FC1", "/dev/zero"}, []string{"binary data"}},
		"numbers, one line":              {strings.Repeat("17000000001,", 100), []string{"numbers", "import", "FC1", "-"}, []string{"line 1: must have at most 256 bytes"}},
		"numbers, none":                  {"\r\n", []string{"numbers", "import", "FC1", "-"}, []string{"no number"}},
		"numbers of a pool with a blank": {"17000000001", []string{"numbers", "import", "FC 1\nx", "-"}, []string{"PoolKey must not contain white space"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := systemtest.Run(t, env, test.stdin, test.args...)
			if r.Status != statusUsage {
				t.Errorf("exit status %d", r.Status)
			}
			for _, text := range test.says {
				if !strings.Contains(r.Errors, text) {
					t.Errorf("does not say %q: %s", text, systemtest.Tail(r.Errors))
				}
			}
			if strings.Contains(r.Errors, "dypls.At") || strings.Contains(r.Errors, "13900000001") {
				t.Errorf("says %s", r.Errors)
			}
		})
	}
}

// The first signal ends a command that still reads, whoever hangs on the other side.
func TestReadingEndsOnTheFirstSignal(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	env := systemtest.CleanEnv("REDIS_URL=redis://127.0.0.1:1/0")
	for _, args := range [][]string{{"numbers", "import", "FC1", fifo}, {"enqueue", "BindAxn", "--file", fifo}} {
		p := systemtest.Start(t, env, args...)
		var hanging *os.File // a writer who never writes; it can open the pipe once somebody reads it
		redistest.Poll(t, systemtest.StartWithin, "the pipe to be read", func(context.Context) error {
			var err error
			hanging, err = os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0)
			return err
		})
		if status := p.Terminate(t, syscall.SIGTERM); status != statusFailed || !strings.Contains(p.Text(), "interrupted") {
			t.Errorf("%s: exit status %d, %s", args, status, p.Text())
		}
		_ = hanging.Close()
	}
}

// Whoever cannot be told the outcomes has enqueued all the same, and learns it on stderr.
func TestEnqueueWithoutAnywhereToPrint(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close() // as head does, when it has enough
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	for id, out := range map[string]*os.File{"pipe": writer, "full": full} {
		var errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0], "enqueue", "BindAxn", systemtest.Bind(1, ""), "--id", id)
		cmd.Env, cmd.Stdout, cmd.Stderr = s.Env, out, &errs
		_ = cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != statusFailed || !strings.Contains(errs.String(), "the tasks are enqueued, but their outcomes could not be written") {
			t.Errorf("%s: exit status %d, %s", id, status, errs.String())
		}
		if r := systemtest.Run(t, s.Env, "", "result", id); r.Status != statusOK {
			t.Errorf("%s is not enqueued: %s", id, r.Errors)
		}
	}
}

// No home, no place to write to, no temporary directory: nothing is needed but Redis and the API.
func TestNothingIsWrittenToDisk(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	var env []string
	for _, entry := range s.Env {
		if name, _, _ := strings.Cut(entry, "="); name != "HOME" && name != "TMPDIR" {
			env = append(env, entry)
		}
	}
	env = append(env, "TMPDIR=/nonexistent")
	// No process of this shell can write a byte to a file; pipes and sockets are none.
	limited := []string{"-c", `ulimit -f 0 && exec "$0" "$@"`, os.Args[0]}
	w := systemtest.StartProgram(t, "/bin/sh", env, append(limited, "worker")...)
	redistest.Poll(t, systemtest.StartWithin, "the worker to be up", w.Wrote("performing tasks"))
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append(limited, "enqueue", "BindAxn", systemtest.Bind(1, ""), "--id", "nowhere", "--wait", "30s")...)
	cmd.Env, cmd.Dir = env, "/"
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "succeeded") {
		t.Errorf("%v: %s", err, out)
	}
}
