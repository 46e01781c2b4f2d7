package dyplstest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// FaultKind is what a [Fault] does to a call.
type FaultKind string

// The kinds of faults.
const (
	AnswerCode      FaultKind = "answer"       // answers Code; nothing is performed
	AnswerCodeAfter FaultKind = "answer-after" // performs, then answers Code
	// DropBefore closes the connection without an answer; nothing is performed.
	DropBefore FaultKind = "drop-before"
	// DropAfter performs, then closes the connection without an answer.
	DropAfter FaultKind = "drop-after"
	Garbage   FaultKind = "garbage" // performs, then answers HTTP 200 with what is no JSON
	// Body answers Body with Status; performs only where Performed says so.
	Body FaultKind = "body"
	// Hang never answers, until the client gives up; performs only where Performed says so.
	Hang FaultKind = "hang"
	// Slow waits Delay, then performs and answers, even where the client gave up meanwhile.
	Slow FaultKind = "slow"
	// Cut closes the connection in the middle of a recording. A slow download has its
	// Delay spread over the file.
	Cut FaultKind = "cut"
	// Truncate ends a recording in the middle as if it were whole: its x-oss-hash-crc64ecma tells.
	Truncate FaultKind = "truncate"
)

// Kinds returns all kinds of faults.
func Kinds() []FaultKind {
	return []FaultKind{
		AnswerCode, AnswerCodeAfter, DropBefore, DropAfter, Garbage, Body, Hang, Slow, Cut, Truncate,
	}
}

// Fault is a rule by which calls go wrong. It looks at calls that are authenticated and within
// their quota. The fields up to Times say which it hits, the others what becomes of those.
type Fault struct {
	// Name is how the ledger calls it. Default: its text, as [ParseFault] reads it.
	Name string

	// Action is the only action it hits: one of the API, or BatchReceiveMessage, ReceiveMessage,
	// DeleteMessage or BatchDeleteMessage of a queue, whose name is the parameter QueueName and whose
	// every request counts as another; or GetObject, the download of a recording, whose name is the
	// parameter Key. "": any.
	Action string
	// Match holds parameters, under the API's names, that a call must have with exactly these values.
	// AccessKeyId is among them: the calls of one account alone.
	Match map[string]string
	// Rate is the share of the matching requests that it hits, by a hash of the request's action and
	// parameters and of Config.Seed: a request is hit in all of its attempts or in none, and the same
	// ones in every run. Different rules hit different ones. 0: all.
	Rate float64
	// First is how many calls it hits at most for each distinct request (same action and parameters).
	// With a Rate: a fixed share of the requests fails at first. 0: no such bound.
	First int
	// Times is how many calls it hits at most in all. 0: no bound.
	Times int

	// Do is what it does. Default: AnswerCode where there is a Code, Slow where there is a Delay and
	// no Code.
	Do FaultKind
	// Code and Message are what AnswerCode and AnswerCodeAfter answer. Message defaults to Code.
	Code, Message string
	// Status is the HTTP status. Default: the one that Code comes with, 200 for Body and Garbage.
	// An answer that is not 2xx has the gateway's shape.
	Status int
	// Body is what Body and Garbage answer. Garbage defaults to an HTML page.
	Body string
	// Delay is waited before the answer, or before the connection is dropped, in real time. A kind
	// that performs does so before the delay; Slow does so after it, unless Performed.
	Delay time.Duration
	// Performed makes Body, Hang and Slow perform first.
	Performed bool
}

func (f Fault) withDefaults() Fault {
	switch {
	case f.Do != "":
	case f.Code != "":
		f.Do = AnswerCode
	case f.Delay > 0:
		f.Do = Slow
	}
	if f.Do == Garbage && f.Body == "" {
		f.Body = "<html><head><title>busy</title></head><body>The system is busy.</body></html>"
	}
	if f.Message == "" {
		f.Message = f.Code
	}
	return f
}

func (f Fault) validate() error {
	if f.Action != "" {
		if err := checkFaultAction(f.Action); err != nil {
			return fmt.Errorf("%w, or leave it out for any", err)
		}
	}
	switch {
	case !(f.Rate >= 0 && f.Rate <= 1): // NaN, too
		return errors.New("rate must be between 0 and 1: write 0.05 for 5 % of the requests")
	case f.First < 0:
		return errors.New("first must not be negative: leave it out for no bound")
	case f.Times < 0:
		return errors.New("times must not be negative: leave it out for no bound")
	case f.Delay < 0:
		return errors.New("delay must not be negative: write it like 2s")
	case f.Status != 0 && (f.Status < http.StatusOK || f.Status > 599):
		return errors.New(
			"status must be between 200 and 599: leave it out for the one that the code comes with",
		)
	}
	return f.validateKind()
}

// checkFaultAction allows what is no action of the API as well: requests to a queue, and
// downloads.
func checkFaultAction(action string) error {
	switch action {
	case getObject, receiveMessage, batchReceiveMessage, deleteMessage, batchDeleteMessage:
		return nil
	}
	return checkAction(action)
}

func (f Fault) validateKind() error {
	switch f.Do {
	case AnswerCode, AnswerCodeAfter:
		if f.Code == "" || strings.HasPrefix(f.Code, "dyplsq.") {
			return fmt.Errorf(
				"code must be one of the API's where do is %s: take one such as isv.FLOW_LIMIT",
				f.Do,
			)
		}
		return nil
	case Slow:
		if f.Delay == 0 {
			return errors.New("delay is required where do is slow: write it like 2s")
		}
	case Cut, Truncate:
		if f.Action != getObject {
			return fmt.Errorf("do %s goes only with action GetObject, the download of a recording", f.Do)
		}
	case DropBefore, DropAfter, Garbage, Body, Hang:
	case "":
		return fmt.Errorf("do is missing: give a code, a delay, or one of %s", kindNames())
	default:
		return fmt.Errorf("do %q is not a kind of fault: take one of %s", f.Do, kindNames())
	}
	if f.Code != "" {
		return errors.New("code goes only with do answer or answer-after: leave one of them out")
	}
	return nil
}

func kindNames() string {
	names := make([]string, 0, len(Kinds()))
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

// performsFirst reports whether the action is performed before the delay and the answer.
func (f Fault) performsFirst() bool {
	switch f.Do {
	case AnswerCodeAfter, DropAfter, Garbage:
		return true
	case Body, Hang, Slow:
		return f.Performed
	default:
		return false
	}
}
