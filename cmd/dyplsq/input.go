package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/textinput"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Bounds on what one command is given. All of it is held until all of it is known to be right.
const (
	maxInput   = 256 << 20 // bytes
	maxObject  = 64 << 10  // bytes
	maxObjects = 1_000_000
)

// line is one JSON object of the input, and where it stands.
type line struct {
	where string
	data  []byte
}

// readInput returns the objects of an argument, a file, or standard input ("-"): one object, one a
// line, or an array of them.
func readInput(ctx context.Context, argument, file string, stdin io.Reader) ([]line, error) {
	switch {
	case argument != "" && file != "":
		return nil, usage("give the input as an argument or with --file, not both")
	case file != "":
	case argument == textinput.Stdin:
		file = argument
	case argument != "":
		return []line{{"line 1", []byte(strings.TrimPrefix(argument, "\ufeff"))}}, nil
	default:
		return nil, usage("no input: give a JSON object, --file FILE, or - for standard input")
	}
	source := textinput.Open(ctx, file, stdin)
	defer func() { _ = source.Close() }()
	data, err := readText(textinput.UTF8(source))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, usage(fmt.Sprintf("nothing was enqueued: the input cannot be read: %v", err))
	}
	return split(data)
}

// readText reads all of a text, unless it is more than can be meant.
func readText(r io.Reader) ([]byte, error) {
	var text bytes.Buffer
	buffer := make([]byte, maxObject)
	for unbroken := 0; ; {
		n, err := r.Read(buffer)
		text.Write(buffer[:n])
		if last := bytes.LastIndexByte(buffer[:n], '\n'); last >= 0 {
			unbroken = n - last - 1
		} else {
			unbroken += n
		}
		switch {
		case errors.Is(err, io.EOF):
			return text.Bytes(), nil
		case err != nil:
			return nil, err
		case text.Len() > maxInput:
			return nil, fmt.Errorf("it must have at most %d MiB: split it", maxInput>>20)
		case unbroken > maxObject && !isArray(text.Bytes()):
			return nil, fmt.Errorf(
				"line %d must have at most %d KiB: write one object a line",
				1+bytes.Count(text.Bytes(), []byte("\n")),
				maxObject>>10,
			)
		}
	}
}

func isArray(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("["))
}

// split finds the objects of a text.
func split(text []byte) ([]line, error) {
	if !utf8.Valid(text) {
		at := 0
		for {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return nil, usage(
			fmt.Sprintf(
				"nothing was enqueued: the input must be UTF-8 text, and is not from line %d on, it may be GBK: "+
					"convert it, as with iconv -f GBK -t UTF-8",
				1+bytes.Count(text[:at], []byte("\n")),
			),
		)
	}
	var lines []line
	complete := 0
	for number, one := range numbered(text) {
		if one = bytes.TrimSpace(one); len(one) == 0 {
			continue
		}
		if json.Valid(one) {
			complete++
		}
		lines = append(lines, line{fmt.Sprintf("line %d", number), one})
	}
	switch whole := json.Valid(text); {
	case lines == nil:
		return nil, usage("the input is empty: write one JSON object a line")
	case whole && isArray(text):
		return elements(text)
	case whole, complete == 0 && lines[0].data[len(lines[0].data)-1] != '}':
		return []line{
			{"line 1", text},
		}, nil // over several lines; where it is broken, that is told of the whole
	}
	return bounded(lines)
}

// numbered returns the lines of a text by their numbers, from 1.
func numbered(text []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		number := 0
		for one := range bytes.Lines(text) {
			if number++; !yield(number, one) {
				return
			}
		}
	}
}

// elements returns the objects of a JSON array.
func elements(text []byte) ([]line, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, err := decoder.Token()
	var lines []line
	for err == nil && decoder.More() {
		var one json.RawMessage
		err = decoder.Decode(&one)
		lines = append(lines, line{fmt.Sprintf("object %d of the array", len(lines)+1), one})
	}
	switch {
	case err != nil:
		return nil, usage(fmt.Sprintf("the input cannot be read: %v", err))
	case lines == nil:
		return nil, usage("the input is an empty array: write the objects into it")
	}
	return bounded(lines)
}

func bounded(lines []line) ([]line, error) {
	if len(lines) > maxObjects {
		return nil, usage(
			fmt.Sprintf(
				"nothing was enqueued: the input must have at most %d objects: split it",
				maxObjects,
			),
		)
	}
	for _, l := range lines {
		if len(l.data) > maxObject {
			return nil, usage(
				fmt.Sprintf(
					"nothing was enqueued: %s must have at most %d KiB: shorten it",
					l.where,
					maxObject>>10,
				),
			)
		}
	}
	return lines, nil
}

// decodeAll reads every line, and reports what is wrong with all of them at once.
func decodeAll(
	kind tasks.UntypedKind,
	lines []line,
	options []tasks.Option,
) ([]tasks.UntypedItem, error) {
	items := make([]tasks.UntypedItem, len(lines))
	var wrong []string
	for i, l := range lines {
		item, err := kind.Decode(l.data)
		if err != nil {
			wrong = append(wrong, describe(l.where, len(lines), err))
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
		wrong[i] = describe(lines[item.Index].where, len(lines), item.Err)
	}
	return usage(nothingEnqueued(wrong))
}

func describe(where string, lines int, err error) string {
	if lines == 1 {
		return err.Error()
	}
	return fmt.Sprintf("%s: %v", where, err)
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
