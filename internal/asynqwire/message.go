package asynqwire

import (
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of asynq's message, a protocol buffer.
const (
	idField      protowire.Number = 3
	headersField protowire.Number = 15 // a message itself
)

// textFields must be UTF-8.
var textFields = []protowire.Number{1, idField, 4, 7, 10, 14}

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
