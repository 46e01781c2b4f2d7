package dypls

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// minExpirationAhead is how far ahead an Expiration must lie (help page of BindAxn: more than one
// minute).
const minExpirationAhead = time.Minute

// maxExpirationYears is how far ahead an Expiration may lie. The API names no bound; a later one is
// a slip of the year or the unit.
const maxExpirationYears = 100

// clockAllowance is by how much the clock of this host may be behind the API's.
const clockAllowance = 5 * time.Minute

// A description collects what a request's describe method states: from one walk over the parameters
// come both what goes on the wire and what is wrong with it.
type description struct {
	now        time.Time // zero: rules that depend on the time are not applied
	parameters Parameters
	problems   []Problem
}

// describe walks over a request that is to be sent at now; the zero time for any.
func describe(r Request, now time.Time) description {
	const usual = 8 // parameters that are set
	d := description{now: now, parameters: make(Parameters, 0, usual)}
	r.describe(&d)
	return d
}

func (d *description) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &ValidationError{Problems: d.problems}
}

func (d *description) problem(field, rule, remedy string) {
	d.problems = append(d.problems, Problem{Field: field, Rule: rule, Remedy: remedy})
}

func (d *description) add(p Parameter) {
	if p.Value == "" {
		return
	}
	d.parameters = append(d.parameters, p)
}

// required notes an empty parameter that the API insists on.
func (d *description) required(name, value string) {
	if value == "" {
		d.problem(name, "is required", "set it")
	}
}

// maxText is far above what any parameter needs: parameters travel in the URL, and a gateway
// refuses a long one without an answer that could be told from a lost one.
const maxText = 2000

// text is any string.
func (d *description) text(name, value string) {
	if value == "" {
		return
	}
	d.characters(name, value)
	d.add(Parameter{Name: name, Value: value})
}

// identifier is a text that is copied from somewhere else, and compared by whoever gets it.
func (d *description) identifier(name, value string) { d.spaceless(name, value, value) }

// ownText is a name that the caller gives and gets back: it may have blanks within.
func (d *description) ownText(name, value string) {
	looked := value
	if strings.TrimFunc(value, isSpace) == value {
		looked = strings.ReplaceAll(value, " ", "")
	}
	d.spaceless(name, value, looked)
}

func (d *description) spaceless(name, value, looked string) {
	if value == "" {
		return
	}
	if p, found := SpaceProblem(name, looked); found {
		d.problems = append(d.problems, p)
		d.characters(name, withoutSpace(value))
	} else {
		d.characters(name, value)
	}
	d.add(Parameter{Name: name, Value: value})
}

// characters refuses what no text has. U+FFFD is what a decoder leaves of other encodings, such as
// GBK: the value is lost.
func (d *description) characters(name, value string) {
	if strings.ContainsRune(value, utf8.RuneError) {
		d.problem(name, "must be UTF-8 text", "convert the input to UTF-8; it may be GBK")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		d.problem(name, "must not contain control characters", "remove them")
	}
	if utf8.RuneCountInString(value) > maxText {
		d.problem(name, fmt.Sprintf("must have at most %d characters", maxText), "shorten it")
	}
}

func (d *description) requiredIdentifier(name, value string) {
	d.required(name, value)
	d.identifier(name, value)
}

// limited is an identifier of at most so many characters.
func (d *description) limited(name, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		d.problem(name, fmt.Sprintf("must have at most %d characters", most), "shorten it")
	}
	d.identifier(name, value)
}

// limitedText is a text of people, of at most so many characters.
func (d *description) limitedText(name, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		d.problem(name, fmt.Sprintf("must have at most %d characters", most), "shorten it")
	}
	d.text(name, value)
}

// requiredGroupID is the id of a group, a whole number that the API answers as an int64.
func (d *description) requiredGroupID(name, value string) {
	d.requiredIdentifier(name, value)
	if value != "" && groupNumber(value) == 0 && withoutSpace(value) == value {
		d.problem(name, "must be a whole number above 0", "take the GroupId that made the group")
	}
}

// oneOf is a text from a closed set.
func (d *description) oneOf(name, value string, set ...string) {
	if p, found := SpaceProblem(name, value); found && slices.Contains(set, withoutSpace(value)) {
		d.problems = append(d.problems, p)
	} else if value != "" && !slices.Contains(set, value) {
		d.problem(name, "must be one of "+strings.Join(set, ", "), "take one of these")
	}
	d.add(Parameter{Name: name, Value: value})
}

// phoneNoA is the number of a real person: mobile, or landline with area code.
func (d *description) phoneNoA(value Phone) {
	const name = "PhoneNoA"
	subscriber := func(s string) bool { return isMobile(s) || isLandline(s) }
	if value != "" && !subscriber(string(value)) {
		d.problem(
			name,
			"must be a mobile number of 11 digits or a landline number with area code, digits only",
			remedyOf(value, subscriber),
		)
	}
	d.add(Parameter{Name: name, Value: string(value), Personal: true})
}

// dialable is any number that can be dialled, 95xxx and 400 numbers included.
func (d *description) dialable(name string, value Phone) {
	if value != "" && !isDialable(string(value)) {
		d.problem(name, "must be 3-20 digits", remedyOf(value, isDialable))
	}
	d.add(Parameter{Name: name, Value: string(value), Personal: true})
}

// mostNumbers is how many a call may name (help pages of CreateAxgGroup and OperateAxgGroup).
const mostNumbers = 200

// dialableList is any numbers that can be dialled, with commas between them on the wire.
func (d *description) dialableList(name string, values []Phone) {
	if len(values) > mostNumbers {
		d.problem(
			name,
			fmt.Sprintf("must have at most %d numbers", mostNumbers),
			"send the others in another call",
		)
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
		if !isDialable(texts[i]) {
			d.problem(
				fmt.Sprintf("%s[%d]", name, i),
				"must be 3-20 digits",
				remedyOf(value, isDialable),
			)
		}
	}
	d.add(Parameter{Name: name, Value: strings.Join(texts, ","), Personal: true})
}

// distinct refuses one number in two roles: nobody can be connected with himself.
func (d *description) distinct(a, b, x Phone) {
	refuse := func(name, other string) {
		d.problem(name, "must be another number than "+other, "give each the number that it stands for")
	}
	if b != "" && b == a {
		refuse("PhoneNoB", "PhoneNoA")
	}
	if x != "" && x == a {
		refuse("PhoneNoX", "PhoneNoA")
	}
	if x != "" && x == b {
		refuse("PhoneNoX", "PhoneNoB")
	}
}

// expiration is an instant that must lie more than a minute ahead when the request is sent.
// The rule is applied to what the API will read, which holds no fractions of a second.
func (d *description) expiration(name string, value Time) {
	switch at := value.Truncate(time.Second); {
	case value.IsZero() || d.now.IsZero() || !isWritable(value):
	case !at.After(d.now.Add(minExpirationAhead)):
		d.problem(name, "must be more than 60 s ahead (Beijing time)", "take a later time")
	case at.After(d.now.AddDate(maxExpirationYears, 0, 0)):
		d.problem(
			name,
			fmt.Sprintf("must be at most %d years ahead", maxExpirationYears),
			"check the year; for a binding without end take 2099-12-31 23:59:59",
		)
	}
	d.instant(name, value)
}

// past is an instant of something that has happened.
func (d *description) past(name string, value Time) {
	if !value.IsZero() && !d.now.IsZero() && isWritable(value) &&
		value.After(d.now.Add(clockAllowance)) {
		d.problem(
			name,
			"must not lie in the future: that call has not happened",
			"take the CallTime of its receipt, in Beijing time",
		)
	}
	d.instant(name, value)
}

// isWritable reports whether the API can be told an instant.
func isWritable(t Time) bool {
	year := t.In(beijing).Year()
	return year >= 1970 && year <= 9999
}

func (d *description) instant(name string, value Time) {
	if !value.IsZero() && !isWritable(value) {
		d.problem(
			name,
			"must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999",
			"check the unit it was made from",
		)
	}
	d.add(Parameter{Name: name, Value: value.String(), Time: value.Truncate(time.Second)})
}

// city is a Chinese city name, which the API wants without its suffix.
func (d *description) city(name, value string) {
	if strings.HasSuffix(value, "市") {
		d.problem(name, "must be a city name without 市", "write 北京, not 北京市")
	}
	d.identifier(name, value)
}

// The parameters whose text is a JSON object.
const (
	ringConfig = "RingConfig"
	dtmfConfig = "DtmfConfig"
)

// object is a text that holds a JSON object.
func (d *description) object(name, value string) {
	var fields map[string]json.RawMessage
	if value != "" && (json.Unmarshal([]byte(value), &fields) != nil || fields == nil) {
		d.problem(name, "must hold a JSON object", `write one, such as {"AXNRing_A":"100000001"}`)
	}
	d.text(name, value)
}

// flag is a boolean whose default is false: unset and false are the same to the API.
func (d *description) flag(name string, value bool) {
	if value {
		d.add(Parameter{Name: name, Value: "true"})
	}
}

// optionalFlag is a boolean that, unset, leaves things as they are.
func (d *description) optionalFlag(name string, value *bool) {
	if value != nil {
		d.add(Parameter{Name: name, Value: strconv.FormatBool(*value)})
	}
}

// number is an integer; 0 is unset.
func (d *description) number(name string, value, least, most int) {
	if value == 0 {
		return
	}
	if value < least || value > most {
		d.problem(name, fmt.Sprintf("must be between %d and %d", least, most), "take a value in between")
	}
	d.add(Parameter{Name: name, Value: strconv.Itoa(value)})
}

// pool is a PoolKey, or, from customers of the first years, a ProductType in its place.
func (d *description) pool(poolKey, productType string) {
	if poolKey == "" && productType == "" {
		d.problem(
			"PoolKey",
			"is required where ProductType is not set",
			"set it to the pool's key, FC...",
		)
	}
	d.identifier("PoolKey", poolKey)
	d.oneOf(
		"ProductType",
		productType,
		ProductAXB170,
		ProductAXN170,
		ProductAXN95,
		ProductAXNExtensionReuse,
	)
}

// CheckPoolKey says what keeps a text from being a pool's key, as a *[ValidationError].
func CheckPoolKey(key string) error {
	var d description
	d.requiredIdentifier("PoolKey", key)
	return d.err()
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func isDialable(s string) bool { return isDigits(s) && len(s) >= 3 && len(s) <= 20 }

func isMobile(s string) bool {
	return isDigits(s) && len(s) == 11 && s[0] == '1' && s[1] >= '3'
}

// isLandline accepts an area code of 3 or 4 digits with its 0, and a number of 7 or 8.
func isLandline(s string) bool {
	return isDigits(s) && len(s) >= 10 && len(s) <= 12 && s[0] == '0' && s[1] != '0'
}
