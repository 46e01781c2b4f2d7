package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// line is one JSON object of the input, and where it stands.
type line struct {
	number int
	data   []byte
}

// readInput returns the objects of an argument, a file, or standard input ("-"): one object, or one a line.
func readInput(argument, file string, stdin io.Reader) ([]line, error) {
	var data []byte
	var err error
	switch {
	case argument != "" && file != "":
		return nil, usage("give the input as an argument or with --file, not both")
	case file != "":
		data, err = os.ReadFile(file) //nolint:gosec // the file that its owner named
	case argument == "-":
		data, err = io.ReadAll(stdin)
	case argument != "":
		data = []byte(argument)
	default:
		return nil, usage("no input: give a JSON object, --file FILE, or - for standard input")
	}
	if err != nil {
		return nil, usage(fmt.Sprintf("the input cannot be read: %v", err))
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // of editors on Windows
	if json.Valid(data) {
		return []line{{1, data}}, nil
	}
	var lines []line
	number := 0
	for text := range bytes.Lines(data) {
		number++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			lines = append(lines, line{number, text})
		}
	}
	if lines == nil {
		return nil, usage("the input is empty: write one JSON object a line")
	}
	return lines, nil
}

// decodeAll reads every line, and reports what is wrong with all of them at once.
func decodeAll(kind tasks.Dynamic, lines []line, options []tasks.Option) ([]tasks.Item[dypls.Request], error) {
	items := make([]tasks.Item[dypls.Request], len(lines))
	var wrong []string
	for i, l := range lines {
		item, err := kind.Decode(l.data)
		if err != nil {
			wrong = append(wrong, describe(l.number, len(lines), err))
			continue
		}
		item.Options = append(slices.Clone(options), item.Options...) // the object's own say more
		items[i] = item
	}
	if wrong != nil {
		return nil, usage(nothingEnqueued(wrong))
	}
	return items, nil
}

// refused rewrites a batch's errors in terms of the input's lines.
func refused(lines []line, err error) error {
	batch, ok := errors.AsType[*tasks.BatchError](err)
	if !ok {
		return err
	}
	wrong := make([]string, len(batch.Items))
	for i, item := range batch.Items {
		wrong[i] = describe(lines[item.Index].number, len(lines), item.Err)
	}
	return usage(nothingEnqueued(wrong))
}

func describe(number, lines int, err error) string {
	if lines == 1 {
		return err.Error()
	}
	return fmt.Sprintf("line %d: %v", number, err)
}

func nothingEnqueued(wrong []string) string {
	const shown = 50
	if more := len(wrong) - shown; more > 0 {
		wrong = append(wrong[:shown:shown], fmt.Sprintf("and %d more lines", more))
	}
	if len(wrong) == 1 {
		return "nothing was enqueued: " + wrong[0]
	}
	return "nothing was enqueued:\n  " + strings.Join(wrong, "\n  ")
}
