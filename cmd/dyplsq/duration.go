package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/alecthomas/kong"
)

const durationRule = "must be a duration such as 90s, 20m or 1h30m"

var (
	onlyDigits = regexp.MustCompile(`^[0-9]+$`)
	inDays     = regexp.MustCompile(`^[0-9]+(d|w|days?|weeks?)$`)
)

// decodeDuration reads the value of a flag or variable, and says how one is written.
func decodeDuration(from *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := from.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		target.SetInt(int64(d))
		return nil
	case onlyDigits.MatchString(text):
		return fmt.Errorf("%s: add the unit, as in %ss", durationRule, text)
	case inDays.MatchString(text):
		return fmt.Errorf("%s: write days as hours, one day as 24h", durationRule)
	}
	return errors.New(durationRule)
}
