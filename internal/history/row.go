package history

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Values are the numbers of a row, by name.
type Values map[string][]int64

// Row is what was written of one minute, or of one hour.
type Row struct {
	At     time.Time // when it begins, in UTC
	Values Values
}

// text writes a row, the first names of it where there are too many.
func (v Values) text() string {
	names := slices.Sorted(maps.Keys(v))
	var b strings.Builder
	for i, name := range names[:min(len(names), mostNames)] {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(url.QueryEscape(name))
		for j, n := range v[name] {
			b.WriteByte("=,"[min(j, 1)])
			b.WriteString(strconv.FormatInt(max(n, 0), 10))
		}
	}
	return b.String()
}

// mostNames is how many names a row has at most, as in the script.
const mostNames = 256

// parseValues reads a row. What cannot be read is left out.
func parseValues(text string) Values {
	values := Values{}
	for entry := range strings.SplitSeq(text, ";") {
		escaped, list, found := strings.Cut(entry, "=")
		name, err := url.QueryUnescape(escaped)
		if !found || err != nil {
			continue
		}
		var numbers []int64
		for field := range strings.SplitSeq(list, ",") {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				numbers = nil
				break
			}
			numbers = append(numbers, n)
		}
		if numbers != nil {
			values[name] = numbers
		}
	}
	return values
}

// Of returns one of the numbers of a name; 0 where there is none.
func (v Values) Of(name string, number int) int64 {
	if numbers := v[name]; number < len(numbers) {
		return numbers[number]
	}
	return 0
}

// Sum returns one of the numbers of all names together.
func (v Values) Sum(number int) (sum int64) {
	for name := range v {
		sum += v.Of(name, number)
	}
	return sum
}
