package calls

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const settleGroup = "dyplsq.settle"

var errNoAccount = errors.New("the account is unknown to this process")

// Settler settles uncertain binds by the calls that are made on their bindings, and has surplus
// bindings unbound.
type Settler struct {
	Store *Store
	Queue *tasks.Queue
	// Caller returns what makes calls as an account, "" for that of tasks that name none; nil for one
	// that this process does not know. A worker's Caller keeps to the quota.
	Caller func(account string) dypls.Caller
	// SurplusFound is told of each surplus binding, by the action of its bind; nil for nobody.
	SurplusFound func(action string)
}

// Run follows all calls until ctx is done. Where the receipts of one name an uncertain bind as
// their OutId, the API confirms that their binding is the one that the bind asked for, and the task
// is settled as succeeded. A bind that left its X to the platform, and whose answer was lost, is
// found this way at its first call. So is a binding that such a task made beside the one that it
// holds: see [tasks.Queue.UnbindSurplus].
//
// What fails is tried again after a minute; what the API denies stays uncertain. Any number of
// processes may run it. Until the first receipt is taken in, it costs a command every 10 s.
func (s Settler) Run(ctx context.Context) error {
	if err := s.awaitCalls(ctx); err != nil {
		return err
	}
	return s.Store.Follow(ctx, settleGroup, s.settle)
}

// awaitCalls waits until there is a call: most of those who run a worker take in no receipts.
func (s Settler) awaitCalls(ctx context.Context) error {
	const every = 10 * time.Second
	for {
		if s.Store.redis.Exists(ctx, changeStream).Val() == 1 { // an error is 0: asked again
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// mayName reports whether the receipts name a binding, and what could be a task.
func (c Call) mayName() bool {
	return c.SubsID != "" && c.SecretNo != "" && tasks.CheckID(c.TaskID) == nil
}

// missing is the caller of an account that this process does not know.
type missing struct{}

// Call implements [dypls.Caller].
func (missing) Call(context.Context, dypls.Call) (dypls.Answer, error) {
	return dypls.Answer{}, errNoAccount // a worker that knows it is offered the call in a minute
}

func (s Settler) settle(ctx context.Context, c Call) error {
	if c.Undecryptable != nil { // it is offered again
		s.Store.log.Warn().Str("error", reasonOf(c.Undecryptable)).
			Msg("receipt not used yet; trying again")
		return c.Undecryptable
	}
	if !c.mayName() {
		return nil
	}
	task, err := s.Queue.Outcome(ctx, c.TaskID)
	switch {
	case errors.Is(err, tasks.ErrUnknownTask): // the OutId is an application's own
		return nil
	case err != nil:
		return err
	}
	seen := dypls.Binding{SubsID: c.SubsID, SecretNo: c.SecretNo, Extension: c.Extension}
	uncertain, surplus := task.State == tasks.StateUncertain, hasAnother(task, seen)
	if !uncertain && !surplus {
		return nil
	}
	from := tracing.Origin{Parent: task.TraceParent, State: task.TraceState}
	ctx, span := s.Store.spans.StartLinked(
		ctx, trace.SpanKindConsumer, "settle", task.Action, from, time.Time{},
	)
	defer span.End()
	if span.On() {
		span.Set(tracing.OfCall(c.ShownID(), c.ShownTaskID(), c.Account, c.PoolKey, c.SubsID)...)
	}
	log := s.Store.log.With().Fields(span.LogFields()).
		Str("id", c.TaskID).Str("call_id", c.ShownID()).Str("subs_id", c.SubsID).Logger()
	caller := s.Caller(task.Account)
	if caller == nil {
		caller = missing{}
	}
	switch {
	case uncertain:
		err = s.resolve(ctx, caller, c.TaskID, seen, log)
	default:
		err = s.unbind(ctx, caller, task, seen, log)
	}
	switch _, invalid := errors.AsType[*dypls.ValidationError](err); {
	case invalid:
		log.Warn().Msg("receipt not used: its SubsId or X is none")
		return nil
	case err != nil:
		log.Warn().Str("account", task.Account).Str("error", dypls.Scrub(err.Error())).
			Msg("receipt not used yet; trying again")
	}
	return err
}

func (s Settler) resolve(
	ctx context.Context,
	caller dypls.Caller,
	id string,
	seen dypls.Binding,
	log zerolog.Logger,
) error {
	err := s.Queue.ResolveByBinding(ctx, caller, id, seen, record.ByReceipt)
	switch {
	case err == nil:
		log.Info().Msg("uncertain bind settled by a receipt")
	case errors.Is(err, tasks.ErrNotUncertain): // somebody was faster
	case errors.Is(err, tasks.ErrOtherBinding):
		log.Warn().Msg("receipt not used: its binding is not the bind's")
	default:
		return err
	}
	return nil
}

// hasAnother reports whether a bind succeeded with another binding than the one that was seen.
func hasAnother(task tasks.Outcome, seen dypls.Binding) bool {
	var has dypls.Binding
	return task.State == tasks.StateSucceeded && json.Unmarshal(task.Result, &has) == nil &&
		has.SubsID != "" && has.SubsID != seen.SubsID
}

func (s Settler) unbind(
	ctx context.Context,
	caller dypls.Caller,
	task tasks.Outcome,
	seen dypls.Binding,
	log zerolog.Logger,
) error {
	proven, err := s.Queue.UnbindSurplus(ctx, caller, task.ID, seen)
	if !proven || err != nil {
		return err
	}
	log.Error().Str("action", task.Action).Msg("surplus binding found by a receipt; unbinding it")
	if s.SurplusFound != nil {
		s.SurplusFound(task.Action)
	}
	return nil
}
