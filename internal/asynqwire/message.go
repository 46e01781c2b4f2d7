package worker

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// texts are the fields of asynq's messages that must be UTF-8, by their number in its protocol buffer.
var texts = []uint64{1, 3, 4, 7, 10, 14}

// headers is the number of the one field that is a message itself.
const headers = 15

// readable reports whether asynq can decode a message. It cannot be asked: where it finds one that it cannot decode, it
// says so in an error like any other. Whatever is taken for unreadable by mistake is delivered anew all the same.
func readable(message []byte) bool {
	return wellFormed(message, texts, true)
}

func wellFormed(data []byte, texts []uint64, outer bool) bool {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 || tag>>3 == 0 || tag>>3 >= 1<<29 {
			return false
		}
		data = data[n:]
		size, ok := fieldSize(data, tag&7)
		if !ok {
			return false
		}
		if _, n := binary.Uvarint(data); tag&7 == 2 {
			text := data[n:size]
			if slices.Contains(texts, tag>>3) && !utf8.Valid(text) {
				return false
			}
			if outer && tag>>3 == headers && !wellFormed(text, []uint64{1, 2}, false) {
				return false
			}
		}
		data = data[size:]
	}
	return true
}

// fieldSize is how many bytes a field of a wire type has.
func fieldSize(data []byte, wireType uint64) (int, bool) {
	const varint, eight, bytes, four = 0, 1, 2, 5
	switch wireType {
	case varint:
		_, size := binary.Uvarint(data)
		return size, size > 0
	case eight:
		return 8, len(data) >= 8
	case bytes:
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data[n:])) {
			return 0, false
		}
		return n + int(length), true //nolint:gosec // no more than there are bytes
	case four:
		return 4, len(data) >= 4
	default: // groups: asynq writes none
		return 0, false
	}
}
