package aliyun

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clockOffset is how far the API's clock was ahead of this machine's, by the latest answer that
// told its own.
type clockOffset struct{ latest atomic.Pointer[time.Duration] }

// ClockOffset returns how far the API's clock is ahead of this machine's, to a second or two, by
// the Date of the latest answer. It is not known before the first.
func (c *Client) ClockOffset() (ahead time.Duration, known bool) {
	latest := c.offset.latest.Load()
	if latest == nil {
		return 0, false
	}
	return *latest, true
}

// note reads an answer's Date, which has no fractions of a second, and returns the offset; 0 where
// it has none.
func (o *clockOffset) note(header http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	ahead := date.Sub(now.Truncate(time.Second))
	o.latest.Store(&ahead)
	return ahead
}
