package calls

import (
	"cmp"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Trace is a set of functions that a store calls as things happen. A nil function is skipped. Many
// goroutines call them at once: they must not block. Events hold nothing of what is in a receipt.
type Trace struct {
	// PushDone: a push was answered.
	PushDone func(Push)
	// ReceiptDone: a receipt that was taken in has its place.
	ReceiptDone func(ReceiptEnd)
	// CallDone: a call has ended. Told once for each, however often its receipts come; not for one
	// whose receiver died in between.
	CallDone func(CallEnd)
	// MessageDone: a message was taken from a queue.
	MessageDone func(MessageEnd)
	// TokenDone: a token for a queue was asked for.
	TokenDone func(TokenEnd)
}

// Push is a push that was answered.
type Push struct {
	Type   dypls.ReceiptType // empty for one that was not let in
	Status int               // of HTTP
	Took   time.Duration
}

// ReceiptEnd is what became of a receipt.
type ReceiptEnd struct {
	Type   dypls.ReceiptType
	Result Result
	Lag    time.Duration // since it was taken in
}

// Result is what became of a receipt.
type Result string

// The results.
const (
	Merged    Result = "merged"    // its call has it now
	Duplicate Result = "duplicate" // it was there, and nothing changed
	Other     Result = "other"     // it is of no call, and kept in a stream of its own
	Unread    Result = "unread"    // it cannot be read, and is kept as it came
	// Undecryptable: it, or its call, is sealed and does not open. It is held, and tried again.
	Undecryptable Result = "undecryptable"
)

// CallEnd is how a call ended.
type CallEnd struct {
	PoolKey string
	Result  CallResult
}

// CallResult says whether the two talked, and why not.
type CallResult string

// The results. The platform did not put the call through: blacklisted to not-connected. It did, and
// nobody talked: busy to unanswered.
const (
	CallAnswered     CallResult = "answered"
	CallBlacklisted  CallResult = "blacklisted"
	CallUnbound      CallResult = "no-binding"
	CallRestricted   CallResult = "restricted"
	CallNotConnected CallResult = "not-connected" // for another cause
	CallBusy         CallResult = "busy"
	CallNoAnswer     CallResult = "no-answer"
	CallRejected     CallResult = "rejected"
	CallUnanswered   CallResult = "unanswered" // for another cause
)

// CallResults are all of them.
func CallResults() []CallResult {
	return []CallResult{
		CallAnswered, CallBlacklisted, CallUnbound, CallRestricted, CallNotConnected,
		CallBusy, CallNoAnswer, CallRejected, CallUnanswered,
	}
}

func resultOf(r dypls.SecretReport) CallResult {
	const connected = 0
	unconnected := map[int]CallResult{1: CallBlacklisted, 2: CallUnbound, 3: CallRestricted}
	released := map[int]CallResult{17: CallBusy, 18: CallNoAnswer, 19: CallNoAnswer, 21: CallRejected}
	switch {
	case !r.StartTime.IsZero() && r.ReleaseTime.After(r.StartTime.Time):
		return CallAnswered
	case r.UnconnectedCause != nil && *r.UnconnectedCause != connected:
		return cmp.Or(unconnected[*r.UnconnectedCause], CallNotConnected)
	case r.ReleaseCause != nil:
		return cmp.Or(released[*r.ReleaseCause], CallUnanswered)
	}
	return CallUnanswered
}

// MessageEnd is what became of a message that was taken from a queue.
type MessageEnd struct {
	Queue  Queue
	Result MessageResult
	Lag    time.Duration // since it was put there
}

// MessageResult is what became of a message.
type MessageResult string

// The results. What is not stored stays in its queue, and comes again.
const (
	MessageStored    MessageResult = "stored"
	MessageNotStored MessageResult = "not-stored" // Redis did not take it
	MessageBroken    MessageResult = "broken"     // it is not what its checksum says
)

// TokenEnd is a token that was asked for.
type TokenEnd struct {
	Queue Queue
	Err   error // nil where there is one
}

func (t *Trace) pushDone(p Push) {
	if t.PushDone != nil {
		t.PushDone(p)
	}
}

func (t *Trace) receiptDone(of dypls.ReceiptType, result Result, takenIn time.Time) {
	if t.ReceiptDone != nil {
		t.ReceiptDone(ReceiptEnd{of, result, max(time.Since(takenIn), 0)})
	}
}

func (t *Trace) callDone(e CallEnd) {
	if t.CallDone != nil {
		t.CallDone(e)
	}
}

func (t *Trace) messageDone(m MessageEnd) {
	if t.MessageDone != nil {
		t.MessageDone(m)
	}
}

func (t *Trace) tokenDone(e TokenEnd) {
	if t.TokenDone != nil {
		t.TokenDone(e)
	}
}
