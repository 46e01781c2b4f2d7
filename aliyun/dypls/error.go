package dypls

import (
	"strings"
	"time"
)

// Class says what a failed call means for the one who made it.
type Class string

const (
	// Rejected: this request will never be accepted. Nothing was done.
	Rejected Class = "Rejected"
	// Exhausted: no number is left in the pool for this request. Nothing was done.
	Exhausted Class = "Exhausted"
	// Throttled: too many calls. Nothing was done; the same request is welcome later.
	Throttled Class = "Throttled"
	// Unavailable: the service could not do it now. Whether a part was done, [CodeInfo.MayHaveRun]
	// says.
	Unavailable Class = "Unavailable"
	// Denied: the account, its credentials or the pool may not do this until somebody mends it.
	// Nothing was done.
	Denied Class = "Denied"
	// NotReady: what was asked for is still being made, such as a recording. Nothing is wrong.
	NotReady Class = "NotReady"
	// Uncertain: whether it was done cannot be told from the answer, or there was none.
	Uncertain Class = "Uncertain"
)

// Codes of our own, where no answer of the API decided.
const (
	CodeExpired        = "dyplsq.Expired"        // its time was over before a call could start
	CodeCanceled       = "dyplsq.Canceled"       // withdrawn by its owner
	CodeInvalidPayload = "dyplsq.InvalidPayload" // what was queued cannot be read
	CodePanic          = "dyplsq.Panic"          // the program failed while performing it
	CodeNoAnswer       = "dyplsq.NoAnswer"       // sent, and no usable answer came back
	CodeNotSent        = "dyplsq.NotSent"        // proven not to have left
	CodeUndecryptable  = "dyplsq.Undecryptable"  // what was queued does not open
)

// Error is a call that did not succeed.
type Error struct {
	Action    string
	Class     Class
	Code      string // the API's code, or one of ours (dyplsq.*)
	Message   string // the API's own words, numbers and links in them masked
	RequestID string // the API's, for its support
	// RetryAfter is how long the API asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Err is the cause on our side, such as a timeout. It holds no number, secret or URL.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Action + ": " + e.Code + " (" + string(e.Class) + ")")
	if e.Message != "" && e.Message != e.Code {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RequestID != "" {
		b.WriteString(" [RequestId " + e.RequestID + "]")
	}
	return b.String()
}

// NotExist reports whether a call failed because its binding is not there. The service of 2019 said
// so with a code that stands for any wrong argument: its message alone tells.
func (e *Error) NotExist() bool {
	return e.Code == "isv.SUBS_NOT_EXIST" ||
		e.Code == "isv.ILLEGAL_ARGUMENT" && strings.Contains(strings.ToLower(e.Message), "subs not exist")
}

func (e *Error) Unwrap() error { return e.Err }
