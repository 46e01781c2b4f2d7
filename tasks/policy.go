package tasks

import (
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// Policy is how a kind of task is treated by the queue.
type Policy struct {
	Queue string // of asynq
	// calls that may be made; those that were throttled, denied or came too early do not count
	Attempts int
	MaxAge   time.Duration // from the scheduled time; 0 for no bound of its own
	// Ends names the parameter whose time, moved by Margin, also ends the task; "" for none.
	Ends   string
	Margin time.Duration
	// Orders names the parameters that say together what a task changes: tasks that change the same go
	// one at a time, and none after one that was enqueued later. None for a kind whose tasks know no
	// order.
	Orders []string
}

// expirationMargin keeps a call away from an Expiration that the API would refuse (it must be 60 s
// ahead) or that would leave a binding of no use.
const expirationMargin = -90 * time.Second

// defaultRecordingRetention is how long the API keeps recordings (help page of
// QueryRecordFileDownloadUrl).
const defaultRecordingRetention = 30 * day

const day = 24 * time.Hour

// callTime is the parameter from which a recording's age counts; a [Queue] may have a retention of
// its own.
const callTime = "CallTime"

var (
	binding   = Policy{Queue: dispatch.Bind, Attempts: 6, Ends: "Expiration", Margin: expirationMargin}
	unbinding = Policy{Queue: dispatch.Unbind, Attempts: 12, MaxAge: day}
	updating  = Policy{
		Queue:    dispatch.Update,
		Attempts: 12,
		MaxAge:   day,
		Ends:     "Expiration",
		Margin:   expirationMargin,
		Orders:   []string{"SubsId", "OperateType"},
	}
	recording = Policy{
		Queue:    dispatch.Query,
		Attempts: 12,
		Ends:     callTime,
		Margin:   defaultRecordingRetention,
	}
)

// earliest is how long ago a new task may have been meant to start: one from before that has no
// time left.
func (p Policy) earliest(now time.Time) time.Time {
	if p.MaxAge > 0 {
		return now.Add(-p.MaxAge)
	}
	return now.Add(-setting.Ahead)
}

// startProblems is what is wrong with a scheduled time, for one that is new at now.
func (p Policy) startProblems(processAt, now time.Time) []dypls.Problem {
	switch {
	case processAt.IsZero():
	case processAt.After(now.Add(setting.Ahead)):
		return []dypls.Problem{
			{
				Field:  "ProcessAt",
				Rule:   fmt.Sprintf("must be at most %d days ahead", setting.Ahead/day),
				Remedy: "enqueue it nearer to its time",
			},
		}
	case !processAt.After(p.earliest(now)):
		return []dypls.Problem{
			{
				Field:  "ProcessAt",
				Rule:   fmt.Sprintf("must be less than %s ago: its time is over", now.Sub(p.earliest(now))),
				Remedy: "leave it out to start at once",
			},
		}
	}
	return nil
}

// deadline is after when no call starts any more.
func (p Policy) deadline(
	parameters dypls.Parameters,
	scheduled time.Time,
	within time.Duration,
) time.Time {
	var deadline time.Time
	bound := func(t time.Time) {
		if deadline.IsZero() || t.Before(deadline) {
			deadline = t
		}
	}
	if within > 0 {
		bound(scheduled.Add(within))
	}
	if p.MaxAge > 0 {
		bound(scheduled.Add(p.MaxAge))
	}
	if ends := parameters.Time(p.Ends); !ends.IsZero() {
		bound(ends.Add(p.Margin))
	}
	return deadline
}

// overdue is the problem of a request whose time is over before it starts.
func (p Policy) overdue() dypls.Problem {
	if p.Margin < 0 {
		return dypls.Problem{
			Field:  p.Ends,
			Rule:   fmt.Sprintf("must be more than %s after the task's start", -p.Margin),
			Remedy: "take a later time, or start it sooner",
		}
	}
	return dypls.Problem{
		Field: p.Ends,
		Rule: fmt.Sprintf(
			"must be less than %d days before the task's start: recordings are kept no longer",
			p.Margin/day,
		),
		Remedy: "ask sooner, or set another retention",
	}
}
