package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestScriptsKeepTheProxiesRule: every script of this project that is sent, as it is sent, passes
// Alibaba Cloud's proxies. Those of asynq do not.
func TestScriptsKeepTheProxiesRule(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	check := redistest.StartScriptCheck(t, server, true)
	c := newFullStackHarness(t, 1, func() redis.UniversalClient { return server.AppClientBehind(t, check.Addr) })
	c.do(t)
	files := luaFiles(t)
	var unseen []string
	ours, asynqs := 0, 0
	for source, breaks := range check.Seen() {
		file, own := fileOf(files, source)
		switch {
		case own && breaks:
			t.Errorf("%s breaks the rule", file)
		case own:
			ours++
			files[file] = ""
		case breaks:
			asynqs++
		}
	}
	for file, source := range files {
		if source != "" {
			unseen = append(unseen, filepath.Base(file))
		}
	}
	slices.Sort(unseen)
	t.Logf("%d of our scripts passed, %d of asynq's would be refused; not sent whole by themselves: %v", ours, asynqs, unseen)
	const atLeast, ofAsynq = 15, 5
	if ours < atLeast || asynqs < ofAsynq {
		t.Errorf("%d of our scripts came, want %d, and %d of asynq's that break the rule, want %d", ours, atLeast, asynqs, ofAsynq)
	}
}

// TestProxyRefusesAsynq: behind a proxy that checks scripts, asynq takes tasks in and hands none
// out.
func TestProxyRefusesAsynq(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	check := redistest.StartScriptCheck(t, server, false)
	c := newFullStackHarness(t, 1, func() redis.UniversalClient { return server.AppClientBehind(t, check.Addr) })
	runUntilEnd(t, c.Worker, c.log)
	if _, err := tasks.BindAXN.Enqueue(t.Context(), c.queue, bindRequest(), tasks.TaskID("k")); err != nil {
		t.Errorf("enqueue: %v", err)
	}
	redistest.Poll(t, fullStackWithin, "asynq's dequeue to be refused", func(context.Context) error {
		for source, breaks := range check.Seen() {
			if breaks && strings.Contains(source, "RPOPLPUSH") {
				return nil
			}
		}
		return errors.New("not yet")
	})
	files := luaFiles(t)
	for source, breaks := range check.Seen() {
		if file, own := fileOf(files, source); own && breaks {
			t.Errorf("%s breaks the rule", file)
		}
	}
	if o, err := c.queue.Outcome(t.Context(), "k"); err != nil || o.State != tasks.StatePending {
		t.Errorf("%+v, %v", o, err)
	}
}

// luaFiles are all Lua files of the module.
func luaFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"../*/lua/*.lua", "../internal/*/lua/*.lua", "../*/internal/*/lua/*.lua"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			files[file] = string(source)
		}
	}
	return files
}

// fileOf tells which file a script ends with: what it shares with others stands before.
func fileOf(files map[string]string, source string) (string, bool) {
	longest := ""
	for file, text := range files {
		if text != "" && strings.HasSuffix(source, text) && len(text) >= len(files[longest]) {
			longest = file
		}
	}
	return longest, longest != ""
}
