package setting

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

const durationRule = "must be a duration such as 90s, 20m or 1h30m"

var (
	onlyDigits = regexp.MustCompile(`^[0-9]+$`)
	inDays     = regexp.MustCompile(`^[0-9]+(d|w|days?|weeks?)$`)
)

// ParseDuration reads a duration as people and files of settings write it, and says how one is
// written. Blanks around it do not matter.
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		return d, nil
	case onlyDigits.MatchString(text):
		return 0, fmt.Errorf("%s: add the unit, as in %ss", durationRule, text)
	case inDays.MatchString(text):
		return 0, fmt.Errorf("%s: write days as hours, one day as 24h", durationRule)
	}
	return 0, errors.New(durationRule)
}
