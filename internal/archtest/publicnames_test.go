package archtest

import (
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shownNowhere are exported names of tasks that no example and no page shows, and why they are
// exported all the same. At most ten.
var shownNowhere = map[string]string{}

// standard are methods that the standard library calls by their names.
var standard = []string{"Error", "Is", "Unwrap", "MarshalJSON"}

// TestEveryNameOfTasksIsShown: whatever tasks exports occurs in an example, README or
// docs/go-api.md: it is there for users, and not for this module's own packages.
func TestEveryNameOfTasksIsShown(t *testing.T) {
	t.Parallel()
	const most = 10
	check := newChecker(t)
	shown := map[string]bool{}
	add := func(names []string, err error) {
		if err != nil {
			t.Error(err)
		}
		for _, name := range names {
			shown[name] = true
		}
	}
	for _, page := range pagesWithGo {
		for _, block := range goBlocks(t, page) {
			add(check.snippet(block))
		}
	}
	for _, examples := range []string{"tasks/example_test.go", "worker/example_test.go"} {
		add(check.file(filepath.Join("../..", examples), nil))
	}
	pkg := check.imported(t, "tasks")
	for _, name := range mentions(t, pkg, pagesWithGo) {
		shown[name] = true
	}
	var missing []string
	exported := exportedOf(pkg)
	for _, name := range exported {
		_, method, _ := strings.Cut(name, ".")
		reason, excepted := shownNowhere[name]
		switch {
		case excepted && shown[name]:
			t.Errorf("%s is shown by now: take it off shownNowhere", name)
		case excepted && reason == "":
			t.Errorf("shownNowhere gives no reason for %s", name)
		case !excepted && !shown[name] && !slices.Contains(standard, method):
			missing = append(missing, name)
		}
	}
	for name := range shownNowhere {
		if !slices.Contains(exported, name) {
			t.Errorf("tasks exports no %s: take it off shownNowhere", name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no example and no page shows these names of tasks. Show users what they are for, or unexport them:\n%s",
			strings.Join(missing, "\n"))
	}
	if len(shownNowhere) > most {
		t.Errorf("%d exceptions, at most %d", len(shownNowhere), most)
	}
}

// exportedOf are the exported names of a package, with the methods of its exported types.
func exportedOf(pkg *types.Package) (names []string) {
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		names = append(names, name)
		named, is := object.Type().(*types.Named)
		if _, declares := object.(*types.TypeName); !is || !declares {
			continue
		}
		for method := range named.Methods() {
			if method.Exported() {
				names = append(names, nameOf(method))
			}
		}
	}
	return names
}

// mentions are the names that the prose of pages spells tasks.X or tasks.X.Y. Each must exist.
func mentions(t *testing.T, pkg *types.Package, pages []string) (names []string) {
	t.Helper()
	for _, page := range pages {
		for _, found := range regexp.MustCompile(`\btasks\.([A-Z]\w*)(?:\.([A-Z]\w*))?`).FindAllStringSubmatch(text(t, page), -1) {
			object := pkg.Scope().Lookup(found[1])
			if object == nil {
				t.Errorf("%s: there is no %s", page, found[0])
				continue
			}
			names = append(names, found[1])
			if found[2] == "" {
				continue
			}
			member, _, _ := types.LookupFieldOrMethod(object.Type(), true, pkg, found[2])
			if member == nil {
				t.Errorf("%s: there is no %s", page, found[0])
				continue
			}
			if !isField(member) {
				names = append(names, nameOf(member))
			}
		}
	}
	return names
}
