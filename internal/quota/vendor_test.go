package quota

import "math/rand/v2"

// vendor is a limiter as the vendor's may be. Times are in microseconds.
type vendor interface {
	// admit says whether a call passes, and how long the window lasts where the vendor tells it.
	admit(now int64) (ok bool, left int64)
}

// fixedWindows are windows of one second that begin at phase.
type fixedWindows struct {
	quota  func(now int64) int
	phase  int64
	tells  bool // how long a window lasts, as the gateway does
	window int64
	used   int
	others func(now int64) int // calls of other programs in this window
}

func (v *fixedWindows) admit(now int64) (bool, int64) {
	if w := (now - v.phase) / secondMicros; w != v.window {
		v.window, v.used = w, 0
		if v.others != nil {
			v.used = v.others(now)
		}
	}
	v.used++
	if v.used <= v.quota(now) {
		return true, 0
	}
	if v.tells {
		return false, (v.window+1)*secondMicros + v.phase - now
	}
	return false, 0
}

// slidingWindow allows so many in any second.
type slidingWindow struct {
	quota  func(now int64) int
	passed []int64
}

func (v *slidingWindow) admit(now int64) (bool, int64) {
	for len(v.passed) > 0 && v.passed[0] <= now-secondMicros {
		v.passed = v.passed[1:]
	}
	if len(v.passed) >= v.quota(now) {
		return false, 0
	}
	v.passed = append(v.passed, now)
	return true, 0
}

// tokenBucket fills at the quota's rate, up to a tenth of a second's worth.
type tokenBucket struct {
	quota  func(now int64) int
	tokens float64
	at     int64
}

func (v *tokenBucket) admit(now int64) (bool, int64) {
	rate := float64(v.quota(now))
	v.tokens = min(v.tokens+rate*float64(now-v.at)/float64(secondMicros), max(rate/10, 1))
	v.at = now
	if v.tokens < 1 {
		return false, 0
	}
	v.tokens--
	return true, 0
}

// moody throttles some calls whatever the rate, beside what another limiter does.
type moody struct {
	vendor

	random *rand.Rand
	share  float64
}

func (v moody) admit(now int64) (bool, int64) {
	if v.random.Float64() < v.share {
		return false, 0
	}
	return v.vendor.admit(now)
}
