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

// minExpirationAhead is how far ahead an Expiration must lie (help page of BindAxn: more than one minute).
const minExpirationAhead = time.Minute

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

// maxText is far above what any parameter needs: parameters travel in the URL, and a gateway refuses a long one without an
// answer that could be told from a lost one.
const maxText = 2000

// text is any string. U+FFFD is what a decoder leaves of other encodings, such as GBK: the value is lost.
func (d *description) text(name, value string) {
	if strings.ContainsFunc(value, func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }) {
		d.problem(name, "must be UTF-8 text without control characters", "remove them")
	}
	if utf8.RuneCountInString(value) > maxText {
		d.problem(name, fmt.Sprintf("must have at most %d characters", maxText), "shorten it")
	}
	d.add(Parameter{Name: name, Value: value})
}

func (d *description) requiredText(name, value string) {
	d.required(name, value)
	d.text(name, value)
}

// limited is a text of at most so many characters.
func (d *description) limited(name, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		d.problem(name, fmt.Sprintf("must have at most %d characters", most), "shorten it")
	}
	d.text(name, value)
}

// oneOf is a text from a closed set.
func (d *description) oneOf(name, value string, set ...string) {
	if value != "" && !slices.Contains(set, value) {
		d.problem(name, "must be one of "+strings.Join(set, ", "), "take one of these")
	}
	d.add(Parameter{Name: name, Value: value})
}

// phoneNoA is the number of a real person: mobile, or landline with area code.
func (d *description) phoneNoA(value Phone) {
	const name = "PhoneNoA"
	if value != "" && !isMobile(string(value)) && !isLandline(string(value)) {
		d.problem(name, "must be a mobile number of 11 digits or a landline number with area code, digits only",
			"write it without +86, hyphens and spaces")
	}
	d.add(Parameter{Name: name, Value: string(value), Personal: true})
}

// dialable is any number that can be dialled, 95xxx and 400 numbers included.
func (d *description) dialable(name string, value Phone) {
	if value != "" && (!isDigits(string(value)) || len(value) < 3 || len(value) > 20) {
		d.problem(name, "must be 3-20 digits", "write it without +86, hyphens and spaces")
	}
	d.add(Parameter{Name: name, Value: string(value), Personal: true})
}

// expiration is an instant that must lie more than a minute ahead when the request is sent.
// The rule is applied to what the API will read, which holds no fractions of a second.
func (d *description) expiration(name string, value Time) {
	if !value.IsZero() && !d.now.IsZero() && !value.Truncate(time.Second).After(d.now.Add(minExpirationAhead)) {
		d.problem(name, "must be more than 60 s ahead (Beijing time)", "take a later time")
	}
	d.instant(name, value)
}

func (d *description) instant(name string, value Time) {
	if year := value.In(beijing).Year(); !value.IsZero() && (year < 1970 || year > 9999) {
		d.problem(name, "must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999", "check the unit it was made from")
	}
	d.add(Parameter{Name: name, Value: value.String(), Time: value.Truncate(time.Second)})
}

// city is a Chinese city name, which the API wants without its suffix.
func (d *description) city(name, value string) {
	if strings.HasSuffix(value, "市") {
		d.problem(name, "must be a city name without 市", "write 北京, not 北京市")
	}
	d.text(name, value)
}

// object is a text that holds a JSON object.
func (d *description) object(name, value string) {
	var fields map[string]json.RawMessage
	if value != "" && (json.Unmarshal([]byte(value), &fields) != nil || fields == nil) {
		d.problem(name, "must hold a JSON object", `write it as a string such as "{\"AXNRing_A\":\"100000001\"}"`)
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
		d.problem("PoolKey", "is required where ProductType is not set", "set it to the pool's key, FC...")
	}
	d.text("PoolKey", poolKey)
	d.oneOf("ProductType", productType, ProductAXB170, ProductAXN170, ProductAXN95, ProductAXNExtensionReuse)
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func isMobile(s string) bool {
	return isDigits(s) && len(s) == 11 && s[0] == '1' && s[1] >= '3'
}

// isLandline accepts an area code of 3 or 4 digits with its 0, and a number of 7 or 8.
func isLandline(s string) bool {
	return isDigits(s) && len(s) >= 10 && len(s) <= 12 && s[0] == '0' && s[1] != '0'
}
