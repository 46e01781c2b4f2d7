package asynqwire_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"order-42"}`))
	f.Add([]byte(`{"id":"order-42"}`))
	f.Add([]byte(`{"v":2,"id":{}}`))
	f.Add([]byte(`{"v":1,"id":"a","account":"shop"}`))
	f.Add([]byte("\x00null[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := asynqwire.DecodePayload(data)
		if err != nil {
			if p != (asynqwire.Payload{}) || !errors.Is(err, asynqwire.ErrBadPayload) && !errors.Is(err, asynqwire.ErrNewerPayload) {
				t.Fatalf("%+v, %v", p, err)
			}
			return
		}
		// what is accepted survives being written and read, and its id can be a key of Redis and asynq
		if again, err := asynqwire.DecodePayload(p.Encode()); err != nil || again != p {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
		if id := asynqwire.IDOfDelivery(p.ID + ".1"); id != p.ID {
			t.Fatalf("id %q became %q", p.ID, id)
		}
	})
}

func FuzzIDOfDelivery(f *testing.F) {
	for _, seed := range []string{"order-42.1", "a.b.9223372036854775808", ".", "..1", "订.1", strings.Repeat("k", 130)} {
		f.Add(seed, int64(1))
	}
	f.Fuzz(func(t *testing.T, taskID string, n int64) {
		id := asynqwire.IDOfDelivery(taskID)
		if id == "" {
			return
		}
		if len(id) > 128 || !strings.HasPrefix(taskID, id) {
			t.Fatalf("%q from %q", id, taskID)
		}
		if n > 0 && asynqwire.IDOfDelivery(id+"."+strconv.FormatInt(n, 10)) != id {
			t.Fatalf("delivery %d of %q names another task", n, id)
		}
	})
}

// FuzzMessage: bytes that are no message end nothing, and what is readable stays so with a field
// more.
func FuzzMessage(f *testing.F) {
	f.Add("\x0a\x04kind\x12\x07payload\x1a\x03k.1")
	f.Add("\x0a\x01\xff")
	f.Add("\x7a\x06\x0a\x01k\x12\x01v")
	f.Add("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
	f.Fuzz(func(t *testing.T, message string) {
		readable, id := asynqwire.Readable([]byte(message)), asynqwire.TaskID(message)
		if readable && asynqwire.Readable([]byte(message+"\x0a\x01\xff")) {
			t.Fatalf("%q is readable with a text that is none", message)
		}
		if again := asynqwire.TaskID(message + "\x1a\x03k.2"); readable && (id == "" && again != "k.2" || id != "" && again != id) {
			t.Fatalf("%q names %q, and %q with another id behind it", message, id, again)
		}
	})
}
