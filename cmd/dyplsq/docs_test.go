package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const repository = "../.."

// pages are the pages for people, by their paths in the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "bench/*.md"} {
		files, err := fs.Glob(os.DirFS(repository), pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	return found
}

// TestLinksLeadSomewhere: each link to a file of the repository names one, and each anchor a
// heading of its page.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?ms)^```.*?^```$") // a generic call of Go looks like a link
	checked := 0
	for _, page := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(repositoryFile(t, page), ""), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(found[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(repository, target)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, found[1])
				continue
			}
			if anchor != "" && !hasHeading(repositoryFile(t, target), anchor) {
				t.Errorf("%s: %s has no heading #%s", page, target, anchor)
			}
		}
	}
	const fewest = 50
	if checked < fewest {
		t.Errorf("only %d links were found: the test looks for the wrong ones", checked)
	}
}

// hasHeading tells whether a page has a heading of this anchor, as GitHub makes them.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title, heading := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !heading || !strings.HasPrefix(line, "#") {
			continue
		}
		made := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, strings.TrimSpace(title))
		if made == anchor {
			return true
		}
	}
	return false
}

func TestDocsHaveTheACLRule(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"docs/redis.md", "docs/zh-CN/redis.md"} {
		flat := strings.Join(strings.Fields(repositoryFile(t, page)), " ")
		for _, rule := range []string{redistest.LeastRule, strings.TrimPrefix(redistest.LeastRuleOfCluster, redistest.LeastRule+" ")} {
			if !strings.Contains(flat, rule) {
				t.Errorf("%s lacks %s", page, rule)
			}
		}
	}
}

// TestGuaranteesNameTestsThatExist: each test that docs/guarantees.md names, as TestX or as a file,
// is in the repository.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	declared, files := map[string]bool{}, map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	tree := os.DirFS(repository)
	err := fs.WalkDir(tree, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(tree, name)
		for _, found := range function.FindAllStringSubmatch(string(source), -1) {
			declared[found[1]] = true
		}
		files[path.Base(name)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page := repositoryFile(t, "docs/guarantees.md")
	tests := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(page, -1)
	for _, name := range tests {
		if !declared[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, name := range regexp.MustCompile(`\b\w+_test\.go`).FindAllString(page, -1) {
		if !files[name] {
			t.Errorf("there is no %s", name)
		}
	}
	const fewest = 30
	if len(tests) < fewest {
		t.Errorf("only %d tests were found: the test looks for the wrong names", len(tests))
	}
}
