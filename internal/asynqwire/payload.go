package asynqwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// TypePrefix comes before the action in the type of a task in asynq: dypls:BindAxn.
const TypePrefix = "dypls:"

// payloadVersion is the version of all payloads until now.
const payloadVersion = 1

// Payload is all that asynq is given of a task: no number reaches its keys, heartbeats or archive.
type Payload struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	Account string `json:"account"` // "" for the worker's own
}

// NewPayload returns the payload of a task of an account, "" for the worker's own.
func NewPayload(id, account string) Payload {
	return Payload{Version: payloadVersion, ID: id, Account: account}
}

var (
	// ErrNewerPayload: written by a newer program, and to be left for one.
	ErrNewerPayload = errors.New("the payload is of a newer version")
	// ErrBadPayload: not a payload of this program.
	ErrBadPayload = errors.New("the payload cannot be read")
)

// maxPayload is far above any payload of this program: what is longer is not worth decoding.
const maxPayload = 1024

// Encode returns the payload's JSON. What [IsID] and [IsAccount] allow needs no escapes.
func (p Payload) Encode() []byte {
	if p.Account != "" {
		return []byte(
			`{"v":` + strconv.Itoa(p.Version) + `,"id":"` + p.ID + `","account":"` + p.Account + `"}`,
		)
	}
	return []byte(`{"v":` + strconv.Itoa(p.Version) + `,"id":"` + p.ID + `"}`)
}

// DecodePayload reads a payload. Its error is [ErrNewerPayload] or [ErrBadPayload], with the
// reason.
func DecodePayload(data []byte) (Payload, error) {
	if len(data) > maxPayload {
		return Payload{}, fmt.Errorf(
			"%w: it has %d bytes, more than %d",
			ErrBadPayload,
			len(data),
			maxPayload,
		)
	}
	if id, usual := usualPayload(data); usual {
		return Payload{Version: payloadVersion, ID: id}, nil
	}
	var p Payload
	if err := json.Unmarshal(data, &p); err != nil {
		var newer struct { // may have anything beside its version
			Version int `json:"v"`
		}
		if json.Unmarshal(data, &newer) != nil || newer.Version <= payloadVersion {
			return Payload{}, fmt.Errorf("%w: it is not a JSON object with v and id", ErrBadPayload)
		}
		p.Version = newer.Version
	}
	if p.Version > payloadVersion {
		return Payload{}, fmt.Errorf("%w: %d", ErrNewerPayload, p.Version)
	}
	if p.Version != payloadVersion || !IsID(p.ID) {
		return Payload{}, fmt.Errorf("%w: v or id is not valid", ErrBadPayload)
	}
	if p.Account != "" && !IsAccount(p.Account) {
		return Payload{}, fmt.Errorf("%w: account is not valid", ErrBadPayload)
	}
	return p, nil
}

// usualPayload reads what Encode writes, at a tenth of what parsing it takes. An id needs no
// escapes.
func usualPayload(data []byte) (id string, usual bool) {
	text, begins := bytes.CutPrefix(data, []byte(`{"v":1,"id":"`))
	text, ends := bytes.CutSuffix(text, []byte(`"}`))
	return string(text), begins && ends && IsID(string(text))
}

// DeliveryID is asynq's TaskID of a task's n-th delivery.
func DeliveryID(id string, n int64) string { return id + "." + strconv.FormatInt(n, 10) }

// NumberOfDelivery returns n from asynq's TaskID of a task's n-th delivery, 0 when there is none.
func NumberOfDelivery(taskID string) int64 {
	n, err := strconv.ParseInt(taskID[strings.LastIndexByte(taskID, '.')+1:], 10, 64)
	if err != nil || n < 0 || IDOfDelivery(taskID) == taskID {
		return 0
	}
	return n
}

// IDOfDelivery returns the task's id from asynq's TaskID, which has it even when the payload cannot
// be read. It is "" when there is none.
func IDOfDelivery(taskID string) string {
	if i := strings.LastIndexByte(taskID, '.'); i > 0 {
		if _, err := strconv.ParseUint(taskID[i+1:], 10, 63); err == nil {
			taskID = taskID[:i]
		}
	}
	if !IsID(taskID) {
		return ""
	}
	return taskID
}
