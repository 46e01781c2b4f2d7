package asynqwire

import (
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of asynq's message, a protocol buffer.
const (
	typeField    protowire.Number = 1
	payloadField protowire.Number = 2
	idField      protowire.Number = 3
	queueField   protowire.Number = 4
	retryField   protowire.Number = 5
	timeoutField protowire.Number = 8
	headersField protowire.Number = 15 // a message itself
)

// textFields must be UTF-8.
var textFields = []protowire.Number{typeField, idField, queueField, 7, 10, 14}

// Message is a delivery that no worker has begun, as asynq writes it down.
type Message struct {
	Type    string
	Payload []byte
	ID      string // of asynq's task
	Queue   string
	Retry   int // the most retries
	Timeout time.Duration
}

// Encode returns asynq's message.
func (m Message) Encode() []byte {
	const tagsAndNumbers = 32
	b := make([]byte, 0, len(m.Type)+len(m.Payload)+len(m.ID)+len(m.Queue)+tagsAndNumbers)
	b = protowire.AppendString(protowire.AppendTag(b, typeField, protowire.BytesType), m.Type)
	b = protowire.AppendBytes(protowire.AppendTag(b, payloadField, protowire.BytesType), m.Payload)
	b = protowire.AppendString(protowire.AppendTag(b, idField, protowire.BytesType), m.ID)
	b = protowire.AppendString(protowire.AppendTag(b, queueField, protowire.BytesType), m.Queue)
	b = appendNumber(b, retryField, int64(m.Retry))
	return appendNumber(b, timeoutField, int64(m.Timeout/time.Second))
}

func appendNumber(b []byte, field protowire.Number, n int64) []byte {
	//nolint:gosec // a protocol buffer's varint has the bits of the number
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(n))
}

// Readable reports whether asynq can decode a message. It cannot be asked: where it finds one that
// it cannot decode, it says so in an error like any other.
func Readable(message []byte) bool {
	return eachField(message, func(number protowire.Number, value []byte) bool {
		if slices.Contains(textFields, number) && !utf8.Valid(value) {
			return false
		}
		return number != headersField ||
			eachField(value, func(number protowire.Number, value []byte) bool {
				return number > 2 || utf8.Valid(value) // a name and a value
			})
	})
}

// TaskID returns asynq's id of the task that a message is of, and "" where that cannot be read.
func TaskID(message string) (id string) {
	eachField([]byte(message), func(number protowire.Number, value []byte) bool {
		if number == idField {
			id = string(value)
		}
		return id == ""
	})
	return id
}

// eachField shows the fields that hold bytes to see, as long as see returns true, and reports
// whether all of the message is well formed and was seen.
func eachField(message []byte, see func(protowire.Number, []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return false
		}
		if kind == protowire.BytesType {
			if value, _ := protowire.ConsumeBytes(message); !see(number, value) {
				return false
			}
		}
		message = message[n:]
	}
	return true
}
