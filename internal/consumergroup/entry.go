package consumergroup

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// First stands before every entry of a stream.
const First = "0-0"

const (
	defaultMost = 100
	mostMost    = 1000
)

// Bounded is how many entries are read at once where most are wanted: 100 where that is not said,
// 1,000 at most.
func Bounded(most int) int {
	if most <= 0 {
		return defaultMost
	}
	return min(most, mostMost)
}

// CheckEntry returns what keeps a text from being an entry: milliseconds of the time at which it
// was added, by Redis' clock, and its number among those of the same millisecond.
func CheckEntry(field, text string) []dypls.Problem {
	if _, _, valid := parseEntry(text); valid {
		return nil
	}
	return []dypls.Problem{
		{Field: field, Rule: "must be an entry, such as 1790000000000-0", Remedy: "give one as it was handed out"},
	}
}

// IsLater reports whether an entry was added after another.
func IsLater(entry, other string) bool {
	ms, n, _ := parseEntry(entry)
	otherMS, otherN, _ := parseEntry(other)
	return cmp.Or(cmp.Compare(ms, otherMS), cmp.Compare(n, otherN)) > 0
}

// behind returns what stands right behind an entry.
func behind(entry string) string {
	ms, n, _ := parseEntry(entry)
	if n == math.MaxUint64 {
		return writeEntry(ms+1, 0)
	}
	return writeEntry(ms, n+1)
}

func writeEntry(ms, n uint64) string {
	return strconv.FormatUint(ms, 10) + "-" + strconv.FormatUint(n, 10)
}

func parseEntry(text string) (ms, n uint64, valid bool) {
	before, after, _ := strings.Cut(text, "-")
	ms, msErr := strconv.ParseUint(before, 10, 64)
	n, nErr := strconv.ParseUint(after, 10, 64)
	return ms, n, msErr == nil && nErr == nil && text == writeEntry(ms, n)
}
