package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRunbookQuotesTheLog: what the runbook writes *so* is a title of its own, or words that the
// code really logs.
func TestRunbookQuotesTheLog(t *testing.T) {
	t.Parallel()
	// emphasis, and Redis' own words
	others := []string{"so", "source", "with the same keys", "OOM command not allowed", "MISCONF"}
	code := literals(t)
	for page, least := range map[string]int{"../../docs/operations.md": 10, "../../docs/zh-CN/operations.md": 10} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, quoted := range regexp.MustCompile(`(?:^|[^*])\*([A-Za-z][^*]*)\*(?:[^*]|$)`).FindAllSubmatch(text, -1) {
			words := strings.Join(strings.Fields(string(quoted[1])), " ")
			title := regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(words) + `$`)
			switch {
			// a panel's title
			case slices.Contains(others, words), title.Match(text), strings.HasPrefix(words, "Codes other"):
			case strings.Contains(code, words):
				found++
			default:
				t.Errorf("%s quotes %q, which nothing logs", page, words)
			}
		}
		if found < least {
			t.Errorf("%s quotes %d words of the log, want at least %d", page, found, least)
		}
	}
}

// literals are the strings of the module's Go files that are no tests.
func literals(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"../../worker", "../../cmd", "../../tasks", "../../calls", "../../archive", "../../callbacks", "../../httpapi", "../../internal"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path) //nolint:gosec // this module's own
			for _, literal := range regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`).FindAll(source, -1) {
				all.Write(literal)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
