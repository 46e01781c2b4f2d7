package worker

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Trace is a set of functions that a worker calls as things happen, for metrics, traces and audits
// of your own. A nil function is skipped. Many goroutines call them at once, on the way of each
// task: they must not block. Events hold no phone number; an id is as your producer made it.
//
// To see each HTTPS request with its parameters, wrap [Config.Caller] instead.
type Trace struct {
	// AttemptDone: an attempt has ended, with a call or with a reason why none could leave.
	AttemptDone func(Attempt)
	// CallDone: a call of the API has ended, with or without an answer. Calls that look up a lost
	// answer are no attempts, and are told here as well.
	CallDone func(Call)
	// QueueWaited: a task was called for the first time. At most 50 tasks a second are sampled, each
	// at the cost of a read of its record.
	QueueWaited func(QueueWait)
	// QuotaWaited: a call got its tokens of the quota that all workers share.
	QuotaWaited func(QuotaWait)
	// TaskDone: a task is succeeded, failed or uncertain.
	TaskDone func(TaskEnd)
	// SurplusFound: a late answer brought a binding that its task has no use for. The worker unbinds
	// it.
	SurplusFound func(Surplus)
	// Undecryptable: a task was held because its request does not open. It is tried again, and told
	// again, about every half minute.
	Undecryptable func(Undecryptable)
	// DataLost: Redis came back with less than it had. Binds pause until calls from before are over.
	DataLost func()
}

// Attempt is one attempt at a task that has ended.
type Attempt struct {
	TaskID  string
	Account string // as [Config] names it
	Action  string
	// Class says what a failure means; empty for a success.
	Class dypls.Class
	// Code is "OK", or what the API answered, which may be anything, or one of this module's own.
	Code      string
	RequestID string // of the API; empty without an answer
	Took      time.Duration
}

// Call is one call of the API that has ended.
type Call struct {
	Account, Action string
	Took            time.Duration
}

// QueueWait is how long a task waited from when it was due to its first call.
type QueueWait struct {
	TaskID, Action string
	Queue          string // of asynq, with its shard
	Waited         time.Duration
}

// QuotaWait is how long a call waited for the quota.
type QuotaWait struct {
	Account, Action string
	Waited          time.Duration
}

// TaskEnd is what a task has ended with.
type TaskEnd struct {
	TaskID          string
	Account, Action string // the account as the task names it, empty for the worker's own
	State           tasks.State
}

// Undecryptable is a task whose request does not open.
type Undecryptable struct {
	TaskID          string
	Account, Action string // the account as the task names it, empty for the worker's own
	// MissingKey is the id of the key that this worker lacks; empty where the key is there, and the
	// record was changed or the key is another one than its id says.
	MissingKey string
}

// Surplus is a binding beyond the one that its task is to have.
type Surplus struct{ TaskID, Action string }

func (t *Trace) attemptDone(a Attempt) {
	if t.AttemptDone != nil {
		t.AttemptDone(a)
	}
}

func (t *Trace) callDone(c Call) {
	if t.CallDone != nil {
		t.CallDone(c)
	}
}

func (t *Trace) quotaWaited(q QuotaWait) {
	if t.QuotaWaited != nil {
		t.QuotaWaited(q)
	}
}

func (t *Trace) taskDone(e TaskEnd) {
	if t.TaskDone != nil {
		t.TaskDone(e)
	}
}

func (t *Trace) undecryptable(u Undecryptable) {
	if t.Undecryptable != nil {
		t.Undecryptable(u)
	}
}

func (t *Trace) surplusFound(s Surplus) {
	if t.SurplusFound != nil {
		t.SurplusFound(s)
	}
}

// recorded returns a trace that counts in the history, too. own is the account of tasks that name
// none.
func (t Trace) recorded(r *history.Recorder, own string) Trace {
	told := t
	t.AttemptDone = func(a Attempt) {
		if a.Class == dypls.Throttled {
			r.Count(cmp.Or(a.Account, own), a.Action, history.Throttled)
		}
		told.attemptDone(a)
	}
	t.CallDone = func(c Call) {
		r.Count(cmp.Or(c.Account, own), c.Action, history.Calls)
		told.callDone(c)
	}
	t.TaskDone = func(e TaskEnd) {
		ended := map[tasks.State]int{
			tasks.StateSucceeded: history.Succeeded, tasks.StateFailed: history.Failed,
			tasks.StateUncertain: history.Uncertain,
		}
		if number, ends := ended[e.State]; ends {
			r.Count(cmp.Or(e.Account, own), e.Action, number)
		}
		told.taskDone(e)
	}
	return t
}

// sampleEvery is how far apart the tasks are whose time in the queue is looked up.
const sampleEvery = 20 * time.Millisecond

// traceQueueWait tells how long a task was in its queue. The record knows, and asking it is a round
// trip more: it is made beside the task, and not for every one.
func (d *delivery) traceQueueWait(ctx context.Context, begun record.Begun, noted time.Time) {
	w := d.worker
	if w.config.Trace.QueueWaited == nil || begun.Call != 1 {
		return
	}
	last := w.sampled.Load()
	if noted.UnixNano()-last < int64(sampleEvery) ||
		!w.sampled.CompareAndSwap(last, noted.UnixNano()) {
		return
	}
	w.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		opened, err := w.records.Opened(ctx, d.id)
		if err != nil || opened[0].State == "" {
			return
		}
		due := opened[0].Enqueued
		if at := opened[0].ProcessAt; at.After(due) {
			due = at
		}
		w.config.Trace.QueueWaited(QueueWait{
			TaskID: d.id,
			Action: d.kind.action,
			Queue:  d.queue,
			Waited: max(noted.Sub(due), 0),
		})
	})
}

// traceEnd tells what became of a task, unless it goes on.
func (d *delivery) traceEnd(state record.State) {
	if state.Told() {
		d.worker.config.Trace.taskDone(
			TaskEnd{TaskID: d.id, Account: d.accountName, Action: d.kind.action, State: tasks.State(state)},
		)
	}
}

// startSpan starts the span of a run that may call, or that has ended its task without a call. It
// begins when the delivery came.
func (d *delivery) startSpan(ctx context.Context) {
	if !d.worker.tracer.On() {
		return
	}
	switch d.begun.Verdict {
	case record.Go, record.Look, record.Settled:
	default:
		return
	}
	_, d.span = d.worker.tracer.StartLinked(
		ctx, trace.SpanKindConsumer, tracing.Process, d.baseQueue, d.begun.Origin, d.arrived,
	)
	if !d.span.On() {
		return
	}
	d.span.Set(tracing.Operation(tracing.Process)...)
	d.span.Set(
		tracing.Queue(d.baseQueue), tracing.Task(d.id), tracing.Action.String(d.kind.action),
		tracing.Account.String(d.accountName),
	)
	if d.queue != d.baseQueue {
		d.span.Set(semconv.MessagingDestinationPartitionID(d.queue))
	}
	if d.begun.Verdict == record.Go {
		d.span.Set(tracing.Attempt.Int(d.begun.Attempt), tracing.Call.Int(d.begun.Call))
	}
}

// endSpan says what a run has decided. What is tried again has not failed.
func (d *delivery) endSpan(v verdict) {
	if !d.span.On() {
		return
	}
	d.span.Set(tracing.State.String(string(v.state)))
	d.span.Set(answered(v.code, v.class, v.requestID)...)
	if v.state == record.Failed || v.state == record.Uncertain {
		d.span.Fail(failureWord(v.code, v.class))
	}
}

// startCall starts the span of one call. What it is called with is in no span.
func (c *permittedCaller) startCall(
	ctx context.Context,
	action string,
	p *permit,
) (context.Context, tracing.Span) {
	ctx, span := c.tracer.Start(c.span.In(ctx), trace.SpanKindClient, "Dyplsapi", action)
	if !span.On() {
		return ctx, span
	}
	span.Set(
		semconv.HTTPRequestMethodPost, tracing.Action.String(action),
		tracing.Account.String(c.traffic.account),
		tracing.QuotaWait.Float64(p.waited.Seconds()),
	)
	if c.begun != nil && c.begun.Verdict == record.Go {
		span.Set(tracing.Attempt.Int(c.begun.Attempt), tracing.Call.Int(c.begun.Call))
	}
	if caller, is := c.Caller.(located); is {
		span.Set(serverOf(caller.Endpoint())...)
	}
	return ctx, span
}

// serverOf are the attributes of where calls go.
func serverOf(endpoint string) []attribute.KeyValue {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil
	}
	attributes := []attribute.KeyValue{semconv.ServerAddress(u.Hostname())}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		attributes = append(attributes, semconv.ServerPort(port))
	}
	return attributes
}

// endCall says what came of a call.
func endCall(span tracing.Span, answer dypls.Answer, err error) {
	if !span.On() {
		return
	}
	code, class := answer.Code, dypls.Class("")
	if answer.Status > 0 {
		span.Set(semconv.HTTPResponseStatusCode(answer.Status))
	}
	if e, failed := errors.AsType[*dypls.Error](err); failed {
		code, class = e.Code, e.Class
	} else if err == nil && code != dypls.CodeOK {
		class = dypls.Classify(code, answer.Status, answer.HostID != "")
	}
	span.Set(answered(code, class, answer.RequestID)...)
	if err != nil || class != "" {
		span.Fail(failureWord(code, class))
	}
}

// answered are the attributes of an answer. A code of the API may be anything.
func answered(code string, class dypls.Class, requestID string) []attribute.KeyValue {
	return []attribute.KeyValue{
		tracing.Code.String(dypls.Scrub(code)), tracing.Class.String(string(class)),
		tracing.RequestID.String(requestID),
	}
}

// failureWord is one of few: a code that is known, or the class.
func failureWord(code string, class dypls.Class) string {
	if _, known := dypls.LookupCode(code); known {
		return code
	}
	return cmp.Or(string(class), semconv.ErrorTypeOther.Value.AsString())
}
