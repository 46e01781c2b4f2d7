package tasks

import (
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Item is one task of a batch.
type Item[Req dypls.Request] struct {
	Request Req
	Options []Option
}

// Option says how a task is queued.
type Option func(*options)

type options struct {
	id        string
	keyed     bool
	processIn time.Duration
	processAt time.Time
	within    *time.Duration
	bindTask  string
	undoes    bool
	account   string
	accounted bool
	callback  *string
	ifKnown   func(State)
}

// TaskID is the caller's key for the task, byte for byte, in one namespace over all actions: 1-128
// characters of A-Z a-z 0-9 . _ : @ / and -. It must not contain a telephone number of the request,
// for it is shown in logs and dashboards.
func TaskID(key string) Option {
	return func(o *options) { o.id, o.keyed = key, true }
}

// callbackField is how input names the endpoint of a task's callbacks.
const callbackField = "Callback"

// Callback names the endpoint of callbacks that is to be told what comes of the task: 1-64
// characters of A-Z a-z 0-9 . _ and -. It is no part of the request: a key that is known keeps the
// endpoint that it was first given. A task that follows from this one, such as the removal of a
// surplus binding, names none.
func Callback(name string) Option {
	return func(o *options) { o.callback = &name }
}

// IfKnown is told, once everything is enqueued, what state the task was in where its key is known
// with the same request. A key is performed once: what came of it then is told again, a failure
// like a success, and nothing is tried. To try again takes a new key.
func IfKnown(tell func(State)) Option {
	return func(o *options) { o.ifKnown = tell }
}

// ProcessIn starts the task so much later: "fetch the recording 20 minutes after the call". 0
// starts it at once, and 366 days are the most.
func ProcessIn(d time.Duration) Option {
	return func(o *options) { o.processIn, o.processAt = d, time.Time{} }
}

// ProcessAt starts the task at t.
func ProcessAt(t time.Time) Option {
	return func(o *options) { o.processIn, o.processAt = 0, t }
}

// Within makes the task fail, as dyplsq.Expired, when no call has succeeded so long after its
// scheduled time and another would have to start: "useless after 10 s". A call that is out is not
// cut. At least a millisecond: left out, there is no bound.
func Within(d time.Duration) Option {
	return func(o *options) { o.within = &d }
}

// UnbindOf lets an UnbindSubscription name the bind's task in place of PoolKey, SubsId and
// SecretNo, which may not be known yet: its request is empty then. When its time comes it waits for
// that bind's outcome and removes the binding. A bind that nobody has begun, or whose calls so far
// proved to be without effect, is withdrawn instead; one that failed leaves nothing to remove. The
// task has to be recorded, and its outcome still kept when the unbind runs.
func UnbindOf(id string) Option {
	return func(o *options) { o.bindTask, o.undoes = id, true }
}
