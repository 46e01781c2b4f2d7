package reaper

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// TestUnreadableIsKept: what nobody can read is set aside whole, and one bad message stops no
// other's recovery.
func TestUnreadableIsKept(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, "bad", "good")
	const raw = "\xff\x00 whatever"
	for _, id := range []string{"bad", "good"} {
		h.deliver(t, id)
		h.fetch(t, id+".1", -time.Second)
	}
	h.client.HSet(t.Context(), asynqwire.Queue("bind").Task("bad.1"), "msg", raw)
	h.sweeps(t)
	kept := h.client.HGetAll(t.Context(), quarantine("bind")).Val()
	if _, value, _ := strings.Cut(kept["bad.1"], " "); len(kept) != 1 || value != raw {
		t.Errorf("kept %q", kept)
	}
	if active := h.client.LRange(t.Context(), asynqwire.Queue("bind").Key(asynqwire.Active), 0, -1).Val(); !slices.Equal(active, []string{"good.1"}) {
		t.Errorf("active: %v", active)
	}
	if !strings.Contains(h.log.String(), `"id":"bad","message":"set aside`) {
		t.Errorf("the log does not say so: %s", h.log)
	}
}

// TestReadable: our reading of a message agrees with asynq's own.
func TestReadable(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.deliver(t, "k")
	key := asynqwire.Queue("bind").Task("k.1")
	whole := h.client.HGet(t.Context(), key, "msg").Val()
	if !asynqwire.Readable([]byte(whole)) {
		t.Fatal("a sound message is not readable")
	}
	check := func(message string) {
		t.Helper()
		if message == "" {
			return
		}
		h.client.HSet(t.Context(), key, "msg", message)
		_, err := h.asynq.GetTaskInfo("bind", "k.1")
		if got := asynqwire.Readable([]byte(message)); got != (err == nil) {
			t.Errorf("%q: readable %t, asynq says %v", message, got, err)
		}
	}
	for i := range len(whole) {
		check(whole[:i])
		check(whole[i:])
		for _, b := range []byte{0x00, 0x07, 0x0a, 0x7a, 0x80, 0xff} {
			check(whole[:i] + string([]byte{b}) + whole[i+1:])
		}
	}
	check(whole + "\x7a\x06\x0a\x01k\x12\x01v")    // a header
	check(whole + "\x7a\x06\x0a\x01\xff\x12\x01v") // that is no text
	check("\xff")
	check(whole + "\x0b\x0c") // a group, which asynq writes none of
}
