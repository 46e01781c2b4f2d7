// Package floors guards the architecture: which package may depend on which.
package floors

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-5c07c2e9/dyplsq/"

// TestFloors checks everything that each package depends on, directly or not. An arrow only ever points down.
func TestFloors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ours   []string // of this module, what it may depend on
		stdlib bool     // nothing but the standard library beside them
		never  []string
	}{
		"aliyun/dypls":          {stdlib: true, never: []string{"net", "net/http"}},
		"aliyun/dyplstest":      {ours: []string{"aliyun/dypls"}, stdlib: true, never: []string{"testing"}},
		"aliyun":                {ours: []string{"aliyun/dypls"}, never: []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/v9", "github.com/rs/zerolog"}},
		"internal/asynqwire":    {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/redis/go-redis/v9", "github.com/rs/zerolog"}},
		"internal/replicas":     {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/hearing":      {ours: []string{"aliyun/dypls", "internal/record", "internal/replicas"}, never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/record":       {ours: []string{"aliyun/dypls", "internal/replicas"}, never: []string{"net/http", "github.com/rs/zerolog"}},
		"tasks":                 {ours: []string{"aliyun/dypls", "internal/asynqwire", "internal/autopipeline", "internal/breakers", "internal/hearing", "internal/inventory", "internal/presence", "internal/record", "internal/redisdial", "internal/refusal", "internal/replicas", "internal/sendonce", "internal/setting", "internal/stack"}, never: []string{"net/http", "github.com/rs/zerolog"}},
		"internal/refusal":      {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/redisdial":    {ours: []string{"internal/refusal"}, never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/setting":      {ours: []string{"aliyun/dypls"}, stdlib: true, never: []string{"net/http"}},
		"internal/breakers":     {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/presence":     {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/sendonce":     {never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/autopipeline": {ours: []string{"internal/sendonce", "internal/stack"}, never: []string{"net/http", "github.com/hibiken/asynq", "github.com/rs/zerolog"}},
		"internal/acknowledge":  {ours: []string{"internal/asynqwire"}, never: []string{"net/http", "github.com/rs/zerolog"}},
		"internal/prefetch":     {ours: []string{"internal/asynqwire"}, never: []string{"net/http", "github.com/rs/zerolog"}},
		"internal/inventory":    {ours: []string{"aliyun/dypls", "internal/record", "internal/replicas"}, never: []string{"net/http", "github.com/rs/zerolog"}},
		"worker":                {ours: []string{"aliyun/dypls", "internal/acknowledge", "internal/asynqwire", "internal/autopipeline", "internal/breakers", "internal/hearing", "internal/inventory", "internal/prefetch", "internal/presence", "internal/record", "internal/redisdial", "internal/refusal", "internal/replicas", "internal/sendonce", "internal/setting", "internal/stack", "tasks"}, never: []string{"net/http"}},
		"internal/hostcheck":    {stdlib: true},
		"internal/dashboard":    {ours: []string{"aliyun/dypls", "internal/asynqwire", "internal/autopipeline", "internal/breakers", "internal/hearing", "internal/hostcheck", "internal/inventory", "internal/presence", "internal/record", "internal/redisdial", "internal/refusal", "internal/replicas", "internal/sendonce", "internal/setting", "internal/stack", "tasks"}, never: []string{"github.com/rs/zerolog"}},
		"internal/metrics":      {ours: []string{"aliyun/dypls", "internal/asynqwire", "internal/autopipeline", "internal/breakers", "internal/hearing", "internal/inventory", "internal/presence", "internal/record", "internal/redisdial", "internal/refusal", "internal/replicas", "internal/sendonce", "internal/setting", "internal/stack", "tasks"}, never: []string{"github.com/rs/zerolog"}},
		"internal/doctor":       {ours: []string{"aliyun/dypls", "internal/asynqwire", "internal/autopipeline", "internal/breakers", "internal/hearing", "internal/inventory", "internal/presence", "internal/record", "internal/redisdial", "internal/refusal", "internal/replicas", "internal/sendonce", "internal/setting", "internal/stack", "tasks"}, never: []string{"net/http", "github.com/rs/zerolog"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dependency := range dependencies(t, name) {
				own, isOurs := strings.CutPrefix(dependency, module)
				switch {
				case own == name:
				case isOurs && !slices.Contains(test.ours, own):
					t.Errorf("%s depends on %s, which is not below it", name, own)
				case slices.Contains(test.never, dependency):
					t.Errorf("%s depends on %s", name, dependency)
				case test.stdlib && !isOurs && strings.Contains(strings.Split(dependency, "/")[0], "."):
					t.Errorf("%s depends on %s, which is not of the standard library", name, dependency)
				}
			}
		})
	}
}

// TestOnlyCmdNamesTheClient: the worker takes whatever can make a call.
func TestOnlyCmdNamesTheClient(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains(strings.Fields(strings.Trim(imports, "[]")), module+"aliyun") && !strings.HasPrefix(name, module+"cmd/") {
			t.Errorf("%s imports the concrete client", name)
		}
	}
}

func dependencies(t *testing.T, name string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", module+name).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}
