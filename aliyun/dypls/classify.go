package dypls

import (
	"errors"
	"strings"
)

// errIncomplete is an OK whose body lacks what the action promises.
var errIncomplete = errors.New("the answer says OK but lacks what it must hold")

// errNotReady is an OK whose result is still being made.
var errNotReady = errors.New("not there yet")

// The families of HTTP statuses, named here because this package does without net/http.
const (
	statusClientError = 400
	statusServerError = 500
)

// failure turns an answer whose Code is not OK into an error. It may repeat what the call has told
// it.
func (o Operation[Req, Res]) failure(a Answer, told Parameters) *Error {
	e := &Error{
		Action:     o.Action,
		Class:      o.settle(Classify(a.Code, a.Status, a.HostID != "")),
		Code:       told.Scrub(a.Code),
		Message:    told.Scrub(a.Message),
		RequestID:  a.RequestID,
		RetryAfter: a.RetryAfter,
	}
	if RefusesClock(e.Code) {
		e.Message += clockWords(a.ClockOffset)
	}
	return e
}

// unusable turns an OK that cannot be used into an error.
func (o Operation[Req, Res]) unusable(a Answer, err error) *Error {
	e := &Error{
		Action:    o.Action,
		Class:     o.settle(Uncertain),
		Code:      CodeNoAnswer,
		RequestID: a.RequestID,
		Err:       errIncomplete,
	}
	if errors.Is(err, errNotReady) {
		e.Class, e.Code, e.Message, e.Err = NotReady, a.Code, errNotReady.Error(), nil
	}
	return e
}

// settle accounts for a call that changes nothing: to repeat it is always safe.
func (o Operation[Req, Res]) settle(c Class) Class {
	if c == Uncertain && !o.Mutates {
		return Unavailable
	}
	return c
}

// Classify says what an answer's Code means to a call that mutates. A Code in the table of [Codes]
// decides, whatever the HTTP status; an unknown one is judged by its family: isv.* is Rejected,
// isp.* Uncertain, a gateway's Missing*, Invalid*, Throttling.* and Forbidden.* as their families
// are, other 5xx Uncertain, other 4xx from the gateway Rejected.
func Classify(code string, status int, fromGateway bool) Class {
	if info, known := LookupCode(code); known {
		return info.Class
	}
	switch {
	case status >= statusServerError, strings.HasPrefix(code, "isp."):
		return Uncertain
	case strings.HasPrefix(code, "isv."):
		return Rejected
	case status >= statusClientError && fromGateway:
		return Rejected
	}
	return Uncertain
}
