package aliyun

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a header may ask for; the API's own windows are a minute, an hour and a
// day.
const maxRetryAfter = time.Hour

// retryAfter returns how long an answer asks to wait, 0 when it does not: the longest of what the
// gateway's headers say, of which official runtimes read the one or the other, and the standard
// one, by which whatever stands before the gateway says it.
//
// The gateway's are in milliseconds: x-acs-retry-after, and the TimeLeft of its rate limits,
// "Limit:100,Remain:0,TimeLeft:1500,Reset:...".
func retryAfter(header http.Header) time.Duration {
	longest := units(header.Get("X-Acs-Retry-After"), time.Millisecond)
	for _, name := range []string{"X-Ratelimit-User-Api", "X-Ratelimit-User"} {
		for _, value := range header.Values(name) {
			longest = max(longest, timeLeft(value))
		}
	}
	return max(longest, standardRetryAfter(header))
}

func timeLeft(value string) time.Duration {
	for field := range strings.SplitSeq(value, ",") {
		name, text, _ := strings.Cut(field, ":")
		if strings.EqualFold(strings.TrimSpace(name), "TimeLeft") {
			return units(text, time.Millisecond)
		}
	}
	return 0
}

// standardRetryAfter reads seconds, or a time by the clock of whoever answered.
func standardRetryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if at, err := http.ParseTime(text); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			return 0
		}
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return units(text, time.Second)
}

// units reads a number of them, 0 for what is none.
func units(text string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, int64(maxRetryAfter/unit))) * unit
}
