package dypls

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	timeRule   = "must be a time yyyy-MM-dd HH:mm:ss"
	timeRemedy = "write 2099-01-31 23:59:59, which is Beijing time, or 2099-01-31T23:59:59+08:00"
)

// almostTime is what people write for a time: year, month, day, what is between, hour, minute,
// second, fraction, offset.
var almostTime = regexp.MustCompile(`^(\d+)([-/.年])(\d+)([-/.月])(\d+)日?` +
	`(?:([T\s]*)(\d+):(\d+)(?::(\d+)([.,]\d+)?)?(\s*(?:Z|[+-]\d{1,2}:?\d{0,2}))?)?$`)

// The parts of almostTime.
const (
	partYear = iota + 1
	partFirstSign
	partMonth
	partSecondSign
	partDay
	partBetween
	partHour
	partMinute
	partSecond
	partFraction
	partOffset
)

const offsetForm = `Z|[+-](?:[01]\d|2[0-3]):[0-5]\d`

var offset = regexp.MustCompile(`^(` + offsetForm + `)$`)

type problems []Problem

func (p *problems) refuse(rule, remedy string) {
	*p = append(*p, Problem{Rule: rule, Remedy: remedy})
}

// timeProblems says which parts of a text keep it from being a time, never what they are.
func timeProblems(s string) []Problem {
	var found problems
	if behind := strings.TrimLeftFunc(s, isSpace); behind != s {
		found.refuse("must not begin with white space", "remove the space in front of it")
		s = behind
	}
	if front := strings.TrimRightFunc(s, isSpace); front != s {
		found.refuse("must not end in white space", "remove the space behind it")
		s = front
	}
	if half := inHalfWidth(s); half != s {
		found.refuse("must be written in half-width characters", "write its digits as 0 to 9")
		s = half
	}
	if isDigits(s) {
		return append(found, epochProblem(s))
	}
	if parts := almostTime.FindStringSubmatch(strings.ToUpper(s)); parts != nil {
		found.date(parts)
		found.timeOfDay(parts)
	}
	if len(found) == 0 {
		found.refuse(timeRule, timeRemedy)
	}
	return found
}

// inHalfWidth writes the full-width forms of Chinese keyboards in ASCII.
func inHalfWidth(s string) string {
	const first, last, distance = '！', '～', '！' - '!'
	return strings.Map(func(r rune) rune {
		switch {
		case r >= first && r <= last:
			return r - distance
		case r == '\u3000':
			return ' '
		}
		return r
	}, s)
}

func (p *problems) date(parts []string) {
	if len(parts[partYear]) != len("2099") {
		p.refuse("must have a year of four digits", "write all four")
	}
	if parts[partFirstSign] != "-" || parts[partSecondSign] != "-" {
		p.refuse("must have hyphens between year, month and day", "write the date as 2099-01-31")
	}
	whole := p.number(parts[partMonth], "a month", 1, 12)
	if p.number(parts[partDay], "a day", 1, 31) && whole && len(parts[partYear]) == len("2099") {
		day := parts[partYear] + "-" + twoDigits(parts[partMonth]) + "-" + twoDigits(parts[partDay])
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			p.refuse("must be a day that its month has", "check the day")
		}
	}
}

func (p *problems) timeOfDay(parts []string) {
	if parts[partHour] == "" {
		p.refuse("must have a time of day", "add it behind the date, such as 23:59:59")
		return
	}
	if parts[partHour] == "24" {
		p.refuse("must have an hour from 00 to 23", "write midnight as 00:00:00 of the next day")
	} else {
		p.number(parts[partHour], "an hour", 0, 23)
	}
	p.number(parts[partMinute], "a minute", 0, 59)
	if parts[partSecond] == "" {
		p.refuse("must have seconds", "add :00")
	} else {
		p.number(parts[partSecond], "a second", 0, 59)
	}
	switch zone := parts[partOffset]; {
	case zone != "" && !offset.MatchString(zone):
		p.refuse(
			"must have its offset from UTC in the form +08:00",
			"write it so, right behind the seconds",
		)
	case zone == "" && parts[partFraction] != "":
		p.refuse("must have no fraction of a second", "cut it off")
	case parts[partFraction] != "" && parts[partFraction][0] == ',':
		p.refuse(
			"must have a dot before the fraction of a second",
			"write a dot, or cut the fraction off",
		)
	}
	switch between := parts[partBetween]; {
	case between == "T" && parts[partOffset] == "":
		p.refuse(
			"must say how far it is from UTC where it has a T",
			"add +08:00 for Beijing time, or write a blank in place of T",
		)
	case between != "T" && between != " ":
		p.refuse("must have one blank between date and time of day", "write one blank there")
	}
}

// number checks a part of two digits, and reports whether it is in its range.
func (p *problems) number(part, what string, least, most int) bool {
	if len(part) == 1 {
		p.refuse("must have "+what+" of two digits", "put a 0 in front of it")
	}
	n, err := strconv.Atoi(part)
	inRange := err == nil && len(part) <= 2 && n >= least && n <= most
	if !inRange {
		p.refuse(
			"must have "+what+" from "+twoDigits(strconv.Itoa(least))+" to "+strconv.Itoa(most),
			"check it",
		)
	}
	return inRange
}

func twoDigits(part string) string {
	if len(part) == 1 {
		return "0" + part
	}
	return part
}

// epochProblem tells of digits that may be an epoch timestamp what time they would be: where they
// can be nothing else. A telephone number, put in the wrong place, never is.
func epochProblem(digits string) Problem {
	const least, end = 1_000_000_000, 4_000_000_000 // seconds: 2001 to 2096; 400 numbers begin there
	p := Problem{Rule: timeRule + ", and no epoch timestamp", Remedy: timeRemedy}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
	case n >= least && n < end:
		p.Remedy = "write " + At(time.Unix(n, 0)).String() + " if it counts seconds"
	case n >= least*1000 && n < end*1000:
		p.Remedy = "write " + At(time.UnixMilli(n)).String() + " if it counts milliseconds"
	}
	return p
}
