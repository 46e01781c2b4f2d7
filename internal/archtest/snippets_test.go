package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// pagesWithGo are the pages whose blocks of Go are compiled.
var pagesWithGo = []string{"README.md", "README.zh-CN.md", "docs/go-api.md"}

// prelude is what blocks of Go take for granted: every import, and what the page's prose names.
const prelude = `package snippet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

var (
	ctx     context.Context
	err     error
	t       *testing.T
	queue   *tasks.Queue
	request dypls.BindAXNRequest
	order   struct{ DeliveredBy time.Time }
	task    tasks.Task[dypls.Binding]
	book    func(context.Context, string, tasks.State) error
)

`

// TestGoOfPagesCompiles: each block of Go in README and docs/go-api.md compiles against the module.
func TestGoOfPagesCompiles(t *testing.T) {
	t.Parallel()
	check := newChecker(t)
	for _, page := range pagesWithGo {
		blocks := goBlocks(t, page)
		if len(blocks) == 0 {
			t.Errorf("%s has no block of Go", page)
		}
		for _, block := range blocks {
			if _, err := check.snippet(block); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSnippetsThatDoNotCompileAreFound: a name that is none, a wrong type and a missing argument.
func TestSnippetsThatDoNotCompileAreFound(t *testing.T) {
	t.Parallel()
	check := newChecker(t)
	for _, bad := range []string{
		"tasks.Nothing()", "var n int = queue.Close()", "tasks.Open()", "if {", "func f() { tasks.BindAXN.Nothing() }",
		"task, err := tasks.BindAXN.Enqueue(ctx, queue, dypls.UnbindSubscriptionRequest{})",
	} {
		if _, err := check.snippet(block{"bad", 1, bad}); err == nil {
			t.Errorf("%s compiles", bad)
		}
	}
}

// block is a piece of Go, and where it stands.
type block struct {
	page string
	line int
	code string
}

// goBlocks are the fenced blocks of Go of a page.
func goBlocks(t *testing.T, page string) (blocks []block) {
	t.Helper()
	all := text(t, page)
	for _, found := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatchIndex(all, -1) {
		start, end := found[2], found[3]
		blocks = append(blocks, block{page, 1 + strings.Count(all[:start], "\n"), all[start:end]})
	}
	return blocks
}

func text(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checker checks types against the compiled packages of the module.
type checker struct {
	fset     *token.FileSet
	importer types.Importer
}

// compiled are the files with what packages export, by their paths. It builds what is out of date.
var compiled = sync.OnceValues(func() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./dyplsqtest", "testing",
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/sdk/trace/tracetest")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return files, err
})

func newChecker(t *testing.T) *checker {
	t.Helper()
	files, err := compiled()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	c := &checker{fset: token.NewFileSet()}
	c.importer = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		file, found := files[path]
		if !found {
			return nil, fmt.Errorf("%s is not among what was compiled for this test", path)
		}
		return os.Open(file)
	})
	return c
}

func (c *checker) imported(t *testing.T, name string) *types.Package {
	t.Helper()
	pkg, err := c.importer.Import(module + name)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// snippet checks a block, of declarations or of statements, and returns the names of tasks that it
// uses.
func (c *checker) snippet(b block) ([]string, error) {
	code := fmt.Sprintf("//line %s:%d\n%s", b.page, b.line, b.code)
	if !regexp.MustCompile(`(?m)^(func|type) `).MatchString(code) {
		code = "func _() {\n" + code + "\n}\n"
	}
	return c.file("snippet.go", prelude+code)
}

// file checks a file, and returns the names of tasks that it uses.
func (c *checker) file(name string, source any) ([]string, error) {
	file, err := parser.ParseFile(c.fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var errs []error
	config := types.Config{Importer: c.importer, Error: func(err error) {
		// a fragment uses less than it declares
		if e, is := errors.AsType[types.Error](err); !is || !e.Soft {
			errs = append(errs, err)
		}
	}}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	_, _ = config.Check("snippet", c.fset, []*ast.File{file}, info) // its errors were told
	var used []string
	for _, object := range info.Uses {
		if object.Pkg() != nil && object.Pkg().Path() == module+"tasks" && !isField(object) {
			used = append(used, nameOf(object))
		}
	}
	return used, errors.Join(errs...)
}

// nameOf is a name of a package, or Type.Method.
func nameOf(object types.Object) string {
	f, is := object.(*types.Func)
	if !is {
		return object.Name()
	}
	receiver := f.Signature().Recv()
	if receiver == nil {
		return f.Name()
	}
	of := receiver.Type()
	if pointer, is := of.(*types.Pointer); is {
		of = pointer.Elem()
	}
	if named, is := of.(*types.Named); is {
		return named.Origin().Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

func isField(object types.Object) bool {
	v, is := object.(*types.Var)
	return is && v.IsField()
}
