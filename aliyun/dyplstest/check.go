package dyplstest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// minAhead is how far ahead an Expiration must lie (help page of BindAxn: more than one minute).
const minAhead = time.Minute

// beijing is the API's time zone.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// parseTime reads a time of the API. Unlike dypls.ParseTime it takes 2099-1-31, too: programs that
// write it so are in use.
func parseTime(s string) (time.Time, error) {
	return time.ParseInLocation("2006-1-2 15:04:05", s, beijing)
}

// illegal is a request that is wrong in itself.
func illegal(message string) *answer {
	a := serviceAnswer("isv.ILLEGAL_ARGUMENT", message)
	return &a
}

func illegalNumber(name string) *answer {
	a := serviceAnswer("isv.MOBILE_NUMBER_ILLEGAL", name+" is illegal")
	return &a
}

// checkBind applies what the service checks in every bind, whatever is bound already.
func (s *service) checkBind(p parameters) *answer {
	if a := checkNumbers(p); a != nil {
		return a
	}
	if a := s.checkExpiration(p.get("Expiration")); a != nil {
		return a
	}
	if a := checkRestrict(p); a != nil {
		return a
	}
	if a := checkDisplayType(p); a != nil {
		return a
	}
	for _, name := range []string{"RingConfig", "DtmfConfig"} {
		if value := p.get(name); value != "" && !json.Valid([]byte(value)) {
			a := serviceAnswer("isv.INVALID_PARAMETERS", strings.ToLower(name[:1])+name[1:]+" invalid")
			return &a
		}
	}
	return nil
}

// checkNumbers looks at those numbers that are given.
func checkNumbers(p parameters) *answer {
	if a := p.get("PhoneNoA"); a != "" && !isSubscriber(a) {
		return illegalNumber("PhoneNoA")
	}
	for _, name := range []string{"PhoneNoB", "PhoneNoX", "SecretNo"} {
		if value := p.get(name); value != "" && !isDialable(value) {
			return illegalNumber(name)
		}
	}
	return nil
}

func (s *service) checkExpiration(value string) *answer {
	at, err := parseTime(value)
	switch {
	case err != nil:
		a := serviceAnswer("isv.EXPIRE_DATE_ILLEGAL", "expireDate must be yyyy-MM-dd HH:mm:ss")
		return &a
	case !at.After(s.now.Add(minAhead)):
		a := serviceAnswer("isv.EXPIRE_DATE_ILLEGAL", "expireDate less than 1 minutes from now")
		return &a
	}
	return nil
}

func checkRestrict(p parameters) *answer {
	known := []string{"", dypls.ControlAXDisable, dypls.ControlBXDisable, dypls.ControlClearDisable}
	if !slices.Contains(known, p.get("CallRestrict")) {
		return illegal("callRestrict illegal")
	}
	return nil
}

// checkDisplayType allows the one display type that regulation has left.
func checkDisplayType(p parameters) *answer {
	if value := p.get("CallDisplayType"); value != "" && value != "1" {
		return illegal("callDisplayType illegal")
	}
	return nil
}

// isSubscriber accepts a mobile number, or a landline number with area code.
func isSubscriber(s string) bool {
	mobile := digits(s, 11, 11) && s[0] == '1' && s[1] >= '3'
	landline := digits(s, 10, 12) && s[0] == '0' && s[1] != '0'
	return mobile || landline
}

// isDialable accepts whatever can be dialled, 95xxx and 400 numbers included.
func isDialable(s string) bool { return digits(s, 3, 20) }
