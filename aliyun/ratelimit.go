package aliyun

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a header may ask for; the API's own windows are a minute, an hour and a day.
const maxRetryAfter = time.Hour

// retryAfter returns how long the gateway asks to wait: the longest TimeLeft of its rate limits,
// written as "Limit:100,Remain:0,TimeLeft:1500,Reset:..." in milliseconds; 0 when there is none.
func retryAfter(header http.Header) time.Duration {
	var longest time.Duration
	for _, name := range []string{"X-Ratelimit-User-Api", "X-Ratelimit-User"} {
		for _, value := range header.Values(name) {
			longest = max(longest, timeLeft(value))
		}
	}
	return longest
}

func timeLeft(value string) time.Duration {
	for field := range strings.SplitSeq(value, ",") {
		name, text, _ := strings.Cut(field, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "TimeLeft") {
			continue
		}
		milliseconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || milliseconds <= 0 {
			return 0
		}
		return time.Duration(min(milliseconds, maxRetryAfter.Milliseconds())) * time.Millisecond
	}
	return 0
}
