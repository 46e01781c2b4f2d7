package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// other stands for every value that is not ours.
const other = "other"

// Attempted counts an attempt that has ended.
func (m *Metrics) Attempted(account, action string, class dypls.Class, code string) {
	action = actionLabel(action)
	m.attempts.WithLabelValues(account, action, string(class), codeLabel(code)).Inc()
	if class == dypls.Throttled {
		m.throttled.WithLabelValues(account, action).Inc()
	}
}

// Called counts a call of the API that took so long.
func (m *Metrics) Called(action string, took time.Duration) {
	m.calls.WithLabelValues(actionLabel(action)).Observe(took.Seconds())
	m.callTimes.note(action, took)
}

// Waited counts a call that waited so long for the quota.
func (m *Metrics) Waited(action string, took time.Duration) {
	m.waited.WithLabelValues(actionLabel(action)).Observe(took.Seconds())
}

// Queued counts a task that was first called so long after it was due.
func (m *Metrics) Queued(queue string, waited time.Duration) {
	m.queued.WithLabelValues(queueLabel(queue)).Observe(waited.Seconds())
}

// Ended counts a task that came to its end.
func (m *Metrics) Ended(action, state string) {
	action = actionLabel(action)
	m.outcomes.WithLabelValues(action, state).Inc()
	if state == string(record.Uncertain) {
		m.uncertain.WithLabelValues(action).Inc()
	}
}

// Surplus counts a binding beyond the one that its task is to have.
func (m *Metrics) Surplus(action string) { m.surplus.WithLabelValues(actionLabel(action)).Inc() }

// Undecryptable counts a task that was held back because its request does not open.
func (m *Metrics) Undecryptable(action string) {
	m.sealed.WithLabelValues(actionLabel(action)).Inc()
}

// Forgot counts a Redis that came back with less than it had.
func (m *Metrics) Forgot() { m.forgot.Inc() }

func actionLabel(action string) string {
	if _, known := tasks.Lookup(action); known {
		return action
	}
	return other
}

// codeLabel is a code's row in the table of codes: a family of codes is one label.
func codeLabel(code string) string {
	if row, known := dypls.LookupCode(code); known {
		return row.Code
	}
	return other
}

// queueLabel is a queue without its shard.
func queueLabel(queue string) string {
	queue, _, _ = strings.Cut(queue, ".")
	if slices.Contains(dispatch.Queues(), queue) {
		return queue
	}
	return other
}
