package figure

import (
	"fmt"
	"os"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

const columns = 100

// Replace puts text between the marks of a name in a file, <!-- name --> and <!-- /name -->, each
// on a line of its own. What is not of a table is wrapped.
func Replace(path, name, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replace(string(page), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if changed == string(page) {
		return nil
	}
	return os.WriteFile(path, []byte(changed), 0o644) //nolint:gosec // a page for everybody
}

func replace(page, name, text string) (string, error) {
	from, to := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, found := strings.Cut(page, from)
	_, after, closed := strings.Cut(rest, to)
	if !found || !closed {
		return "", fmt.Errorf("the marks %s and %s are not there, each on a line of its own: put them where the text belongs", strings.TrimSpace(from), to)
	}
	return before + from + wrap(strings.Trim(text, "\n")) + "\n" + to + after, nil
}

func wrap(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > columns && !strings.HasPrefix(line, "|") {
			lines[i] = wordwrap.WrapString(line, columns)
		}
	}
	return strings.Join(lines, "\n")
}
