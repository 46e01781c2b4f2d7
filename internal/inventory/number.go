package inventory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Number is a number that a pool owns.
type Number struct {
	X    dypls.Phone
	City string // in Chinese without 市, as ExpectCity names it; "" where it is not known
}

// BadLinesError tells which lines of a file are no numbers, and why. It never repeats what stands
// there.
type BadLinesError struct{ Lines map[int]string } // by line number, counted from 1

func (e *BadLinesError) Error() string {
	lines := map[string][]int{}
	for _, line := range slices.Sorted(maps.Keys(e.Lines)) {
		lines[e.Lines[line]] = append(lines[e.Lines[line]], line)
	}
	problems := slices.SortedFunc(
		maps.Keys(lines),
		func(a, b string) int { return lines[a][0] - lines[b][0] },
	)
	for i, problem := range problems {
		problems[i] = ranges(lines[problem]) + ": " + problem
	}
	return strings.Join(problems, "; ")
}

// ranges writes line numbers for people: "line 4", "lines 4, 7-9".
func ranges(lines []int) string {
	var parts []string
	for i := 0; i < len(lines); {
		first := i
		for i < len(lines) && lines[i] == lines[first]+i-first {
			i++
		}
		part := strconv.Itoa(lines[first])
		if i > first+1 {
			part += "-" + strconv.Itoa(lines[i-1])
		}
		parts = append(parts, part)
	}
	name := "line "
	if len(lines) > 1 {
		name = "lines "
	}
	return name + strings.Join(parts, ", ")
}

// Bounds on a file of numbers.
const (
	maxLine  = 256
	maxLines = 2_000_000
)

// ReadNumbers reads a file of numbers: one a line, of 3-20 digits, then its city after a comma or a
// tab where that is known. Empty lines count for nothing. Where a line is bad the error is a
// *[BadLinesError] that names all of them, up to one that is too long.
func ReadNumbers(r io.Reader) ([]Number, error) {
	var numbers []Number
	bad := &BadLinesError{Lines: map[int]string{}}
	seen := map[dypls.Phone]string{}
	lines := bufio.NewReaderSize(r, maxLine+len("\r\n"))
	for line := 1; ; line++ {
		raw, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // where it ends may be far away
			bad.Lines[line] = fmt.Sprintf("must have at most %d bytes: write one number a line", maxLine)
			return nil, bad
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read line %d: %w", line, err)
		case line > maxLines:
			return nil, fmt.Errorf("a file must have at most %d lines: split it", maxLines)
		}
		text := string(raw)
		if line == 1 {
			text = strings.TrimPrefix(text, "\ufeff") // as spreadsheets write it
		}
		n, problem := readNumber(text)
		city, again := seen[n.X]
		switch {
		case problem != "":
			bad.Lines[line] = problem
		case n.X == "":
		case again && city != n.City:
			bad.Lines[line] = "the same number stands in an earlier line, with another city"
		case !again:
			seen[n.X] = n.City
			numbers = append(numbers, n)
		}
		if err != nil {
			break
		}
	}
	if len(bad.Lines) > 0 {
		return nil, bad
	}
	return numbers, nil
}

func readNumber(line string) (n Number, problem string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return Number{}, ""
	}
	if !utf8.ValidString(line) {
		return Number{}, "not UTF-8, it may be GBK: convert the file, as with iconv -f GBK -t UTF-8"
	}
	x, city := line, ""
	if i := strings.IndexAny(line, ",\t"); i >= 0 {
		x, city = strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
	}
	if !isNumber(x) {
		return Number{}, "must start with a number of 3-20 digits, without +86, hyphens and spaces"
	}
	return Number{X: dypls.Phone(x), City: city}, cityProblem(city)
}

func cityProblem(city string) string {
	notInNames := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" -'·", r)
	}
	switch {
	case strings.HasSuffix(city, "市"):
		return "the city must be named without 市: write 北京, not 北京市"
	case utf8.RuneCountInString(city) > 32 || strings.ContainsFunc(city, notInNames):
		return "what stands after the number must be the name of a city"
	}
	return ""
}

// isNumber reports whether s is 3-20 digits.
func isNumber(s string) bool { return len(s) >= 3 && len(s) <= 20 && isDigits(s) }

// isExtension reports whether s is 1-3 digits.
func isExtension(s string) bool { return s != "" && len(s) <= 3 && isDigits(s) }

func isDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
