package prefetch

import (
	"encoding/binary"
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqkey"
)

// dequeueKeys are the keys of asynq's dequeue script, in its order. No other script of asynq has the same.
var dequeueKeys = []string{"pending", "paused", "active", "lease"}

// dequeuedFrom returns the queue that a dequeue script takes a task from, and "" for every other command.
func dequeuedFrom(args []any) string {
	const keys = 3 // the command, the script, the number of keys
	if len(args) < keys+len(dequeueKeys) || args[2] != len(dequeueKeys) || args[0] != "evalsha" && args[0] != "eval" {
		return ""
	}
	first, _ := args[keys].(string)
	name, ours := asynqkey.QueueOf(first, dequeueKeys[0])
	if !ours {
		return ""
	}
	for i, list := range dequeueKeys {
		if args[keys+i] != asynqkey.Of(name, list) {
			return ""
		}
	}
	return name
}

// taskID reads the id out of asynq's message, a protocol buffer. It is "" where that cannot be read.
func taskID(message string) string {
	const id, varint, lengthDelimited = 3, 0, 2
	for data := []byte(message); len(data) > 0; {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return ""
		}
		data = data[n:]
		value, n := binary.Uvarint(data) // a number, or the length of what follows
		if n <= 0 || !slices.Contains([]uint64{varint, lengthDelimited}, tag&7) {
			return ""
		}
		data = data[n:]
		if tag&7 == varint {
			continue
		}
		if value > uint64(len(data)) {
			return ""
		}
		if tag>>3 == id {
			return string(data[:value])
		}
		data = data[value:]
	}
	return ""
}
