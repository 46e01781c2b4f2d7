// Package archtest guards the architecture: which package may import which, and how scripts name
// their keys.
package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-5c07c2e9/dyplsq/"

// floors are the packages of the module, the lowest first. A package imports packages of lower
// floors only.
var floors = [][]string{
	{"aliyun/dypls"},
	{"internal/setting"},
	{
		"aliyun", "aliyun/dyplstest", "internal/asynqwire", "internal/history", "internal/presence", "internal/refusal",
		"internal/replicas", "internal/seal", "internal/sendonce", "internal/stack", "internal/tracing",
	},
	{"internal/audit", "internal/autopipeline", "internal/consumergroup", "internal/record", "internal/redisdial"},
	{"internal/announce", "internal/breakers", "internal/hearing", "internal/inventory", "internal/quota"},
	{"internal/dispatch", "internal/reseal"},
	{"tasks", "calls/internal/mns"},
	{"calls"},
	{"archive", "callbacks", "httpapi"},
	{"worker/internal/agreement", "worker/internal/asynqhost", "worker/internal/breaker", "worker/internal/lossguard", "worker/internal/reaper", "worker/internal/sampler"},
	{"worker"},
	{"dyplsqtest"},
	{"cmd/dyplsq/internal/bulk", "cmd/dyplsq/internal/hostcheck", "cmd/dyplsq/internal/textinput"},
	{"cmd/dyplsq/internal/dashboard", "cmd/dyplsq/internal/doctor", "cmd/dyplsq/internal/metrics"},
	{"cmd/dyplsq/internal/console"},
	{"cmd/dyplsq"},
}

// forTests are the packages that no program imports.
var forTests = []string{"internal/archtest", "internal/logtest", "internal/queuetest", "internal/redistest", "internal/sealtest", "internal/systemtest"}

// isForTests tells of one of them, or of a package that holds tests of the whole system and nothing
// else.
func isForTests(name string) bool {
	return slices.Contains(forTests, name) || strings.HasPrefix(name, "test/e2e/")
}

const (
	ossClient = "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	s3Client  = "github.com/minio/minio-go/v7"

	// Where spans go is the application's business.
	traceSDK      = "go.opentelemetry.io/otel/sdk/trace"
	traceResource = "go.opentelemetry.io/otel/sdk/resource"
	traceExporter = "go.opentelemetry.io/otel/exporters/otlp/otlptrace"
)

// limits say what packages, named by the beginnings of their paths, must not depend on, directly or
// not.
var limits = []struct {
	packages []string
	never    []string
	stdlib   bool // beside this module nothing but the standard library
}{
	{packages: []string{"aliyun/dypls"}, stdlib: true, never: []string{"net"}},
	{packages: []string{"aliyun/dypls", "aliyun/dyplstest"}, never: []string{"testing"}},
	{packages: []string{"aliyun/dyplstest", "internal/setting", "cmd/dyplsq/internal/hostcheck"}, stdlib: true},
	{packages: []string{"aliyun"}, never: []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/v9", "github.com/rs/zerolog"}},
	{packages: []string{"tasks", "internal/"}, never: []string{"net/http", "github.com/rs/zerolog", module + "aliyun"}},
	// it takes whatever can make a call
	{packages: []string{"worker", "worker/internal/"}, never: []string{"net/http", module + "aliyun"}},
	{packages: []string{"calls"}, never: []string{module + "aliyun"}}, // it takes whatever can make a call
	// clients of object stores are the archive's
	{packages: []string{"tasks", "worker", "worker/internal/", "calls", "internal/"}, never: []string{ossClient, s3Client, module + "archive"}},
	// it asks for links through the queue
	{packages: []string{"archive"}, never: []string{module + "worker"}},
	// they tell what became of what others do
	{packages: []string{"callbacks"}, never: []string{module + "worker", module + "aliyun", ossClient, s3Client}},
	// it knows no command, and asynq through tasks alone
	{packages: []string{"httpapi"}, never: []string{module + "aliyun", module + "worker"}},
	{packages: []string{"calls/internal/mns"}, stdlib: true},
	{
		packages: []string{
			"aliyun", "tasks", "worker", "worker/internal/", "calls", "archive", "callbacks", "httpapi", "dyplsqtest", "internal/",
			"cmd/dyplsq/internal/",
		},
		never: []string{traceSDK, traceResource, traceExporter, "go.opentelemetry.io/otel"},
	},
	{packages: []string{"internal/asynqwire"}, never: []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/v9"}},
	{packages: []string{"cmd/dyplsq/internal/"}, never: []string{module + "aliyun", module + "worker"}},
	// what the console shows of calls, calls reads, which logs
	{packages: []string{"cmd/dyplsq/internal/dashboard", "cmd/dyplsq/internal/doctor", "cmd/dyplsq/internal/metrics"}, never: []string{"github.com/rs/zerolog"}},
	{packages: []string{"cmd/dyplsq/internal/doctor"}, never: []string{"net/http"}},
}

// TestImportsPointDown checks what each package imports. Tests may import anything.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	floor := map[string]int{}
	for n, names := range floors {
		for _, name := range names {
			floor[name] = n
		}
	}
	found := map[string]bool{}
	for _, line := range list(t, "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		path, imports, _ := strings.Cut(line, " ")
		name := strings.TrimPrefix(path, module)
		found[name] = true
		if isForTests(name) {
			continue
		}
		own, listed := floor[name]
		if !listed {
			t.Errorf("%s stands on no floor: add it to one", name)
			continue
		}
		for imported := range strings.FieldsSeq(imports) {
			below, ours := strings.CutPrefix(imported, module)
			if ours && (isForTests(below) || floor[below] >= own) {
				t.Errorf("%s imports %s, which is not below it", name, below)
			}
		}
	}
	for name := range floor {
		if !found[name] {
			t.Errorf("there is no package %s", name)
		}
	}
}

// TestWorkerStaysSmall: worker is one lifecycle and one run of one task. What is more than that
// belongs in a package of its own under worker/internal.
func TestWorkerStaysSmall(t *testing.T) {
	t.Parallel()
	const most = 25
	files := strings.Fields(list(t, "{{join .GoFiles \" \"}}", "./worker")[0])
	if len(files) == 0 || len(files) > most {
		t.Errorf("worker has %d files, not 1 to %d: merge what is one concept, or move it below worker/internal: %v", len(files), most, files)
	}
}

// TestDependenciesStayLight: an application that only enqueues links no net/http and no logger, and
// only cmd names the concrete client.
func TestDependenciesStayLight(t *testing.T) {
	t.Parallel()
	for _, line := range list(t, "{{.ImportPath}} {{join .Deps \" \"}}", "./...") {
		path, dependencies, _ := strings.Cut(line, " ")
		name, deps := strings.TrimPrefix(path, module), strings.Fields(dependencies)
		if isForTests(name) {
			continue
		}
		for _, limit := range limits {
			if !slices.ContainsFunc(limit.packages, func(p string) bool { return p == name || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p) }) {
				continue
			}
			for _, dependency := range deps {
				if slices.Contains(limit.never, dependency) {
					t.Errorf("%s depends on %s", name, dependency)
				}
				if limit.stdlib && !strings.HasPrefix(dependency, module) && strings.Contains(strings.Split(dependency, "/")[0], ".") {
					t.Errorf("%s depends on %s, which is not of the standard library", name, dependency)
				}
			}
		}
	}
}

// list runs go list over the module, and returns its lines.
func list(t *testing.T, format, pattern string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", format, pattern)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
