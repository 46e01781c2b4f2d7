package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestGatesAreInTheTable: the table of gates in docs/architecture.md names what a run of a task
// really passes, in its order.
func TestGatesAreInTheTable(t *testing.T) {
	t.Parallel()
	code := gatesOf(t, "../../worker/delivery.go", "perform")
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	for _, row := range regexp.MustCompile("(?m)^\\| \\d+ \\|[^|]*\\| `(\\w+)` \\|").FindAllSubmatch(page, -1) {
		table = append(table, string(row[1]))
	}
	if len(code) == 0 || !slices.Equal(code, table) {
		t.Errorf("a run passes %v, docs/architecture.md has %v", code, table)
	}
}

// gatesOf are the methods that a function hands to pass, in their order.
func gatesOf(t *testing.T, path, function string) (gates []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range file.Decls {
		f, is := declared.(*ast.FuncDecl)
		if !is || f.Name.Name != function {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			if called, is := call.Fun.(*ast.Ident); !is || called.Name != "pass" {
				return true
			}
			for _, gate := range call.Args[1:] { // after the context
				gates = append(gates, gate.(*ast.SelectorExpr).Sel.Name)
			}
			return false
		})
	}
	return gates
}
