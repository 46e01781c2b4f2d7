package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

const columns = 100

// TestProseIsNarrow: comments and pages are at most 100 columns wide. Tables, code and what an
// example prints are not prose.
func TestProseIsNarrow(t *testing.T) {
	t.Parallel()
	for extension, prose := range map[string]func(*testing.T, string) []string{".go": commentLines, ".md": pageLines} {
		t.Run(extension, func(t *testing.T) {
			t.Parallel()
			for _, path := range filesOf(t, extension) {
				for _, line := range prose(t, path) {
					if width := uniseg.StringWidth(line); width > columns {
						t.Errorf("%s: %d columns: %s", path, width, line)
					}
				}
			}
		})
	}
}

// filesOf are the files of the repository with an extension.
func filesOf(t *testing.T, extension string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", "testdata", "node_modules"}, entry.Name()) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == extension {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	return paths
}

// commentLines are the lines of a Go file that are comments, with their indent.
func commentLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(source), "\n")
	for _, group := range file.Comments {
		for _, comment := range group.List {
			line := all[set.Position(comment.Pos()).Line-1]
			if strings.HasPrefix(comment.Text, "// Output:") {
				break
			}
			directive := strings.HasPrefix(comment.Text, "//") && !strings.HasPrefix(comment.Text, "// ")
			if !directive && strings.HasPrefix(strings.TrimLeft(line, "\t"), comment.Text) {
				lines = append(lines, strings.ReplaceAll(line, "\t", " "))
			}
		}
	}
	return lines
}

// pageLines are the lines of a page but for tables and code.
func pageLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	code := false
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		start := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(start, "```"):
			code = !code
		case code, strings.HasPrefix(start, "|"):
		default:
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return lines
}
