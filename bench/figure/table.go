package figure

import (
	"fmt"
	"io"
	"strings"
)

// Table is a table of texts.
type Table struct {
	Head []string
	Rows [][]string
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes it as Markdown takes it: the first column to the left, the others, which are
// figures, to the right.
func (t *Table) Write(w io.Writer) {
	writeRow(w, t.Head)
	rules := make([]string, len(t.Head))
	for i := range rules {
		rules[i] = "---:"
	}
	if len(rules) > 0 {
		rules[0] = "---"
	}
	writeRow(w, rules)
	for _, row := range t.Rows {
		writeRow(w, row)
	}
}

func writeRow(w io.Writer, cells []string) {
	_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}
