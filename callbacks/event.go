package callbacks

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// event is something that endpoints are told of.
type event struct {
	kind    EventType
	id      string // webhook-id
	account string // "" for the default account
	named   string // the endpoint that a task names, "" for none
	at      time.Time
	thin    any
	full    func() any // with the outcome, or the call
	origin  string     // the span in which the task, or the call's binding, was enqueued; "" for none
}

// milliseconds is how times are written: RFC 3339 in UTC, always with three decimals.
const milliseconds = "2006-01-02T15:04:05.000Z"

func written(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(milliseconds)
}

// eventID is the same for the same event, whoever reads it, and how often. It has letters alone, so
// that no dot is in it, and nothing that looks like somebody's number.
func eventID(kind EventType, parts ...string) string {
	const size = 16
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + strings.Join(parts, "\x00")))
	return "msg_" + letters(sum[:size])
}

// letters writes bytes as letters of a to p.
func letters(of []byte) string {
	text := make([]byte, 0, 2*len(of))
	for _, b := range of {
		text = append(text, 'a'+b>>4, 'a'+b&15)
	}
	return string(text)
}

// taskData is what is told of a task: neither a number, nor a link, nor the API's words, which may
// hold one.
type taskData struct {
	ID         string      `json:"id"`
	Action     string      `json:"action"`
	Account    string      `json:"account,omitempty"`
	State      tasks.State `json:"state"`
	Code       string      `json:"code"`
	Class      dypls.Class `json:"class"`
	RequestID  string      `json:"request_id"`
	FinishedAt string      `json:"finished_at,omitempty"`
	// only where the endpoint asks for it
	Outcome *tasks.Outcome `json:"outcome,omitempty"`
}

// ofTask is that a task has its outcome.
func ofTask(o tasks.Outcome) event {
	data := taskData{
		ID:         o.ID,
		Action:     o.Action,
		Account:    o.Account,
		State:      o.State,
		Code:       o.Code,
		Class:      o.Class,
		RequestID:  o.RequestID,
		FinishedAt: written(o.FinishedAt),
	}
	return event{
		kind:    TaskFinished,
		id:      eventID(TaskFinished, o.Account, o.ID, string(o.State), written(o.FinishedAt)),
		account: o.Account,
		named:   o.Callback,
		at:      o.FinishedAt,
		thin:    data,
		origin:  o.TraceParent,
		full: func() any {
			data.Outcome = &o
			return data
		},
	}
}

// callData is what is told of a call, under the names that it has everywhere, without its numbers.
type callData struct {
	CallID           string          `json:"call_id"`
	Account          string          `json:"account,omitempty"`
	PoolKey          string          `json:"pool_key"`
	TaskID           string          `json:"task_id"`
	SubsID           string          `json:"subs_id"`
	CallType         *int            `json:"call_type"`
	CallTime         *string         `json:"call_time"`
	ReleasedAt       *string         `json:"released_at"`
	Duration         float64         `json:"duration_s"`
	Answered         bool            `json:"answered"`
	ReleaseCause     *int            `json:"release_cause"`
	UnconnectedCause *int            `json:"unconnected_cause"`
	Recording        json.RawMessage `json:"recording"`
	// only where the endpoint asks for it
	Call *calls.Call `json:"call,omitempty"`
}

// ofCall are the events that a change of a call may be: those that are over stay so, and are told
// once each by their ids.
func ofCall(c calls.Call) ([]event, error) {
	var data callData
	text, err := c.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &data) //nolint:musttag // of the call, which writes itself, nothing is read
	}
	if err != nil {
		return nil, fmt.Errorf("a call: %w", err)
	}
	of := func(kind EventType, at time.Time) event {
		return event{
			kind:    kind,
			id:      eventID(kind, c.Account, c.ID),
			account: c.Account,
			at:      at,
			thin:    data,
			origin:  c.TraceParent,
			full: func() any {
				whole := data
				whole.Call = &c
				return whole
			},
		}
	}
	var events []event
	if c.Ended {
		events = append(events, of(CallEnded, c.ReleasedAt))
	}
	if c.Recording.State == calls.RecordingKept {
		events = append(events, of(RecordingKept, c.Recording.KeptAt))
	}
	return events, nil
}

// body is what an endpoint is sent.
func (e event) body(full bool, now time.Time) ([]byte, error) {
	at := e.at
	if at.IsZero() {
		at = now
	}
	data := e.thin
	if full && e.full != nil {
		data = e.full()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // which would garble links
	err := encoder.Encode(struct {
		Type      EventType `json:"type"`
		Timestamp string    `json:"timestamp"`
		Data      any       `json:"data"`
	}{e.kind, written(at), data})
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}
