package dypls

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Caller sends one signed request of the API and returns its answer.
// [github.com/seed-5c07c2e9/dyplsq/aliyun.Client] is one.
//
// A nil error means that the API answered with a JSON object that holds a Code, whatever the HTTP
// status. Anything else is an *[Error]: [CodeNotSent] and [Unavailable] when no byte of it can have
// left, [CodeNoAnswer] when one may have: [Uncertain], or [Unavailable] for a call that does not
// mutate.
type Caller interface {
	Call(ctx context.Context, call Call) (Answer, error)
}

// Call is one request of the API, before it is signed.
type Call struct {
	Action     string
	Mutates    bool
	Parameters Parameters
	// Noted is when the caller noted that this call is about to leave, by this machine's clock
	// (time.Now); the zero time for now. The first byte leaves within two seconds of it, or not at
	// all: a process that slept sends nothing.
	Noted time.Time
	// MaxAnswer is how many bytes the answer's body may have, a MiB at most; 0 for 64 KiB, far more
	// than any operation of this package is answered with. A longer one is no answer.
	MaxAnswer int
}

// LogValue implements [slog.LogValuer]: numbers are masked.
func (c Call) LogValue() slog.Value {
	return slog.GroupValue(slog.String("Action", c.Action), slog.Any("Parameters", c.Parameters))
}

// Answer is what the API said: the envelope that every action shares, and the whole body.
type Answer struct {
	Status    int // HTTP
	Code      string
	Message   string
	RequestID string
	HostID    string // set by the gateway, which answers before the service is reached
	Body      []byte
	// RetryAfter is what a throttling gateway asked to wait (x-acs-retry-after, TimeLeft of
	// x-ratelimit-user-api and x-ratelimit-user).
	RetryAfter time.Duration
	// ClockOffset is how far the API's clock is ahead of this machine's, by the answer's Date; 0 where
	// it has none.
	ClockOffset time.Duration
}

// Format implements [fmt.Formatter]: every verb leaves out Body, which holds numbers and links, and
// scrubs the rest.
func (a Answer) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(
		s,
		"HTTP %d %s %s [RequestId %s]",
		a.Status,
		Scrub(a.Code),
		Scrub(a.Message),
		a.RequestID,
	)
}

// LogValue implements [slog.LogValuer].
func (a Answer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }
