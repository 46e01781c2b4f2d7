package setting

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Range is what one setting may be, both ends included.
type Range[T int | uint64 | float64 | time.Duration] struct {
	Least, Most T
	Remedy      string
}

// Check returns what is wrong with a value, nil where nothing is. It names the setting as its
// reader knows it.
func (r Range[T]) Check(field string, value T) []dypls.Problem {
	if value >= r.Least && value <= r.Most { // NaN is not
		return nil
	}
	return []dypls.Problem{
		{
			Field:  field,
			Rule:   fmt.Sprintf("must be %s to %s", text(r.Least), text(r.Most)),
			Remedy: r.Remedy,
		},
	}
}

// CheckAny is [Range.Check] for whoever reads settings of many types. A value of another type is a
// mistake of the program's.
func (r Range[T]) CheckAny(field string, value any) []dypls.Problem {
	v, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%s is a %T, which its range is not", field, value))
	}
	return r.Check(field, v)
}

// text writes a bound as people write settings: 1m, not 1m0s, and long ones in days.
func text[T cmp.Ordered](value T) string {
	const day = 24 * time.Hour
	switch v := any(value).(type) {
	case time.Duration:
		if v > day && v%day == 0 {
			return fmt.Sprintf("%d days", v/day)
		}
		return Text(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// ParseInt reads a whole number, likewise.
func ParseInt(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, errors.New("must be a whole number, such as 64")
	}
	return n, nil
}

// ParseUint reads a whole number that cannot be negative, likewise.
func ParseUint(s string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number of 0 or more, such as 1")
	}
	return n, nil
}

// ParseRate reads a number of calls a second, likewise.
func ParseRate(s string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return 0, errors.New("must be calls a second, such as 100")
	}
	return n, nil
}
