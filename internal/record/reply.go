package record

import (
	"fmt"
	"strconv"
	"time"
)

// replyReader reads a script's reply by position and keeps the first thing that is not as it should
// be.
type replyReader struct {
	reply []any
	err   error
}

func (r *replyReader) text(i int) string {
	if i < len(r.reply) {
		if s, ok := r.reply[i].(string); ok {
			return s
		}
	}
	r.fail(i)
	return ""
}

func (r *replyReader) integer(i int) int64 {
	if i < len(r.reply) {
		if n, ok := r.reply[i].(int64); ok {
			return n
		}
	}
	r.fail(i)
	return 0
}

func (r *replyReader) fail(i int) {
	if r.err == nil {
		r.err = fmt.Errorf("unexpected reply of a script at position %d", i)
	}
}

// millis is how times stand in a record: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// optionalMillis is "" for the zero time.
func optionalMillis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// maxMillis is the end of the year 9999, the last that JSON can write.
const maxMillis = 253402300799999

func fromMillis(ms int64) time.Time {
	if ms <= 0 || ms > maxMillis {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// parseMillis is the zero time for a text that is none.
func parseMillis(text string) time.Time {
	ms, _ := strconv.ParseInt(text, 10, 64)
	return fromMillis(ms)
}

// fieldReader reads a record's fields by position; one that is missing is empty.
type fieldReader struct{ values []any }

func (r fieldReader) text(i int) string {
	s, _ := r.values[i].(string)
	return s
}

func (r fieldReader) integer(i int) int64 {
	n, _ := strconv.ParseInt(r.text(i), 10, 64)
	return n
}

// delivery is the number of the latest delivery: the first, unless the record says another.
func (r fieldReader) delivery(i int) int64 {
	if r.text(i) == "" {
		return 1
	}
	return r.integer(i)
}
