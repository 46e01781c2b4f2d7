package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Receipts are what takes in receipts of calls. Nil functions leave checks out.
type Receipts struct {
	// Backlog looks at what was taken in.
	Backlog func(context.Context) (Backlog, error)
	// Configured tells that the settings of this machine are a receiver's; Refused is what it says of
	// them, and Exposed the file of secrets that others on this machine may use.
	Configured bool
	Refused    error
	Exposed    string
	// Queues opens each queue of the platform, and looks into it without taking anything.
	Queues func(context.Context) []ReceiptQueue
}

// Backlog is what was taken in and is not done.
type Backlog struct {
	Waiting     int64         // pushes that are not merged
	Oldest      time.Duration // since the first of them was stored
	Unread      int64         // receipts that could not be read
	UnreadSince time.Duration // since the last of them came
	UnreadWhy   string
}

// ReceiptQueue is one of the platform's queues.
type ReceiptQueue struct {
	Name, Type string
	// Closed tells that it cannot be opened before somebody mends what is wrong.
	Closed          bool
	Problem, Remedy string
	Waiting         bool
	Oldest          time.Time
}

const (
	// mergedWithin is within what time a push is merged, where somebody does.
	mergedWithin = time.Minute
	// pulledWithin is within what time a message is taken from its queue.
	pulledWithin = 10 * time.Minute
)

// receipts looks whether what was taken in is merged, and can be read.
func (e *examination) receipts(ctx context.Context) ([]Finding, error) {
	if e.Receipts.Backlog == nil {
		return nil, nil
	}
	b, err := e.Receipts.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	waiting := found("", "%d pushes wait to be merged into calls", b.Waiting)
	if b.Waiting > 0 && b.Oldest > mergedWithin {
		waiting.Found += fmt.Sprintf(", the first for %s", b.Oldest.Round(time.Second))
		waiting = waiting.but(Warning, "start dyplsq receive, or see in its log why it does not merge them")
	}
	if b.Unread == 0 {
		return []Finding{waiting}, nil
	}
	return []Finding{waiting, found(
		"",
		"%d receipts could not be read, the last %s ago: %s",
		b.Unread,
		b.UnreadSince.Round(time.Second),
		b.UnreadWhy,
	).but(Warning, "look at them, whose numbers are whole: redis-cli XREVRANGE dypls:receipts:unread + - COUNT 1; then delete them: XTRIM dypls:receipts:unread MAXLEN 0")}, nil
}

// receiver looks at the settings by which receipts come in.
func (e *examination) receiver(context.Context) ([]Finding, error) {
	r := e.Receipts
	switch {
	case !r.Configured:
		return nil, nil
	case r.Refused != nil:
		return []Finding{ //nolint:nilerr // it is what was found
			found("", "a receiver refuses to start: %s", strings.ReplaceAll(r.Refused.Error(), "\n", "; ")).
				but(Warning, "mend the settings that it names"),
		}, nil
	case r.Exposed != "":
		return []Finding{
			found("", "others on this machine may use the file of secrets %s", r.Exposed).
				but(Warning, "give it to the receiver's user alone: chmod 400"),
		}, nil
	}
	return []Finding{found("", "a receiver takes these settings")}, nil
}

// pulling opens the platform's queues.
func (e *examination) pulling(ctx context.Context) (findings []Finding, _ error) {
	if e.Receipts.Queues == nil {
		return nil, nil
	}
	for _, q := range e.Receipts.Queues(ctx) {
		findings = append(findings, e.receiptQueue(q))
	}
	return findings, nil
}

func (e *examination) receiptQueue(q ReceiptQueue) Finding {
	name := q.Name + " of " + q.Type
	age := e.Now().Sub(q.Oldest)
	switch {
	case q.Closed:
		return found("", "%s cannot be opened, and what is in it will be lost: %s", name, q.Problem).
			but(Loses, q.Remedy)
	case q.Problem != "":
		return found("", "%s does not answer: %s", name, q.Problem).
			but(Warning, "see whether this machine reaches it, and ask again")
	case q.Waiting && age > pulledWithin:
		return found("", "%s is open, and a message has waited in it for %s", name, age.Round(time.Second)).
			but(Warning, "start dyplsq receive with this queue: the platform keeps messages for some days only")
	case q.Waiting:
		return found("", "%s is open, with messages", name)
	}
	return found("", "%s is open, and empty", name)
}
