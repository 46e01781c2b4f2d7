package dyplstest

import "time"

// quotas bounds the calls a second of each action, in fixed windows of one second
// (help page of the quotas of the number-privacy service).
type quotas map[string]*quota

type quota struct {
	limit  int // 0: none
	second int64
	used   int
}

func newQuotas(limits map[string]int) quotas {
	q := quotas{}
	for action, limit := range limits {
		q.set(action, limit)
	}
	return q
}

func (q quotas) set(action string, limit int) {
	if q[action] == nil {
		q[action] = &quota{}
	}
	q[action].limit = limit
}

// take counts a call. Beyond the quota it returns how long the window lasts.
func (q quotas) take(action string, now time.Time) (limit int, left time.Duration, exceeded bool) {
	one := q[action]
	if one == nil || one.limit == 0 {
		return 0, 0, false
	}
	if second := now.Unix(); second != one.second {
		one.second, one.used = second, 0
	}
	one.used++
	return one.limit, untilNextSecond(now), one.used > one.limit
}

func untilNextSecond(now time.Time) time.Duration {
	return now.Truncate(time.Second).Add(time.Second).Sub(now)
}
