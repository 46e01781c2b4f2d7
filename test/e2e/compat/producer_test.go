package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// producer is an application of somebody else's: it imports tasks and the vocabulary, and nothing
// more of ours.
const producer = `package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	queue, err := tasks.Open(os.Getenv("REDIS_URL"))
	check(err)
	task, err := tasks.BindAXN.Enqueue(ctx, queue, dypls.BindAXNRequest{
		PoolKey: "` + dyplstest.DefaultPoolKey + `", PhoneNoA: "13900000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}, tasks.TaskID("order-42"))
	check(err)
	binding, err := task.Wait(ctx)
	check(err)
	fmt.Println(task.ID, binding.SubsID, string(binding.SecretNo))
	check(queue.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

// TestProducerNeedsTasksAlone builds a module outside this one, runs it against a real worker, and
// looks at what it drags in.
func TestProducerNeedsTasksAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds another module")
	}
	redistest.InTheClear(t, "its few lines open a queue by a URL alone")
	root, dir := systemtest.Root(t), t.TempDir()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"main.go": producer, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(env []string, args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, slices.Concat(env, []string{"GOFLAGS=-mod=mod", "GOWORK=off"})
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run(os.Environ(), "go", "mod", "init", "example.com/producer")
	run(os.Environ(), "go", "mod", "edit", "-require=github.com/seed-5c07c2e9/dyplsq@v0.0.0", "-replace=github.com/seed-5c07c2e9/dyplsq="+root)
	run(os.Environ(), "go", "build", "-o", "producer", ".")
	for dependency := range systemtest.Lines(run(os.Environ(), "go", "list", "-deps", ".")) {
		switch dependency {
		case "net/http", "github.com/rs/zerolog", "github.com/seed-5c07c2e9/dyplsq/aliyun", "github.com/seed-5c07c2e9/dyplsq/worker":
			t.Errorf("a producer depends on %s", dependency)
		}
	}

	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	out := strings.Fields(run(s.Env, filepath.Join(dir, "producer")))
	done := s.Performed("order-42")
	if len(done) != 1 || len(out) != 3 || out[0] != "order-42" || out[1] != done[0].SubsID || out[2] != string(done[0].SecretNo) {
		t.Errorf("the producer got %v; the ledger has %+v", out, done)
	}
}
