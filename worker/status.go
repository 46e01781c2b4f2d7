package worker

import (
	"maps"
	"time"
)

// Phase is how far a worker has come.
type Phase string

// The phases of a worker.
const (
	Starting   Phase = "starting" // it waits for Redis
	Performing Phase = "performing"
	Draining   Phase = "draining" // it takes no new tasks, and waits for calls that are out
)

// Status is how a worker stands, for health checks.
type Status struct {
	Phase Phase
	// Polled is when each queue was last asked for a task, and answered; the zero time for never.
	// Where all slots of a queue are taken it is not asked until one is free, which takes no longer
	// than a call or a look. Empty with [Config.AsynqPlain].
	Polled map[string]time.Time
}

// Status tells how the worker stands. It asks nobody and may be called at any time.
func (w *Worker) Status() Status {
	status := Status{Phase: *w.phase.Load()}
	if !w.config.AsynqPlain {
		status.Polled = w.host.Polled()
	}
	return status
}

// Budget is a quota as this worker knows it.
type Budget struct {
	Account string
	Name    string  // an action, or pool: and a pool's key
	Rate    float64 // calls a second that all workers together make at most now
	Ceiling float64 // that they never go beyond
}

// Denied is a scope whose calls are held: the API denies them or, of the scope "endpoint", what
// answers is not the API.
type Denied struct{ Account, Scope string }

// Traffic is how calls are held back at the moment: how many this worker makes at once, the
// accounts whose tasks it performs, the budgets that it has used, the scopes whose calls are
// denied, and the accounts that it does not know and whose tasks it has held lately.
type Traffic struct {
	CallsAtOnce map[string]int // by queue
	Accounts    []string
	Budgets     []Budget
	Open        []Denied
	Missing     []string
}

// Traffic returns how calls are held back. It asks nobody.
func (w *Worker) Traffic() Traffic {
	t := Traffic{
		CallsAtOnce: maps.Clone(w.callsAtOnce),
		Accounts:    w.accounts.names(),
		Missing:     w.accounts.unknown.recent(),
	}
	for name, a := range w.accounts.byName {
		a.traffic.report(name, &t)
	}
	return t
}

func (t *traffic) report(account string, into *Traffic) {
	for _, r := range t.limiter.Snapshot() {
		into.Budgets = append(
			into.Budgets,
			Budget{Account: account, Name: r.Bucket, Rate: r.Current, Ceiling: r.Ceiling},
		)
	}
	for _, scope := range t.breaker.Open() {
		into.Open = append(into.Open, Denied{account, scope})
	}
}
