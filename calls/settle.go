package calls

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	settleGroup = "dyplsq.settle"
	// byReceipt is who settled a task, as its record and `explain` tell.
	byReceipt = "receipt"
)

var errNoAccount = errors.New("the account is unknown to this process")

// Settler settles uncertain binds by the calls that are made on their bindings.
type Settler struct {
	Store *Store
	Queue *tasks.Queue
	// Caller returns what makes calls as an account, "" for that of tasks that name none; nil for one
	// that this process does not know. A worker's Caller keeps to the quota.
	Caller func(account string) dypls.Caller
}

// Run follows all calls until ctx is done. Where the receipts of one name an uncertain bind as their
// OutId, the API confirms that their binding is the one that the bind asked for, and the task is
// settled as succeeded. A bind that left its X to the platform, and whose answer was lost, is found
// this way at its first call.
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

func (s Settler) settle(ctx context.Context, c Call) error {
	if !c.mayName() {
		return nil
	}
	task, err := s.Queue.View(ctx, c.TaskID)
	switch {
	case errors.Is(err, tasks.ErrUnknownTask): // the OutId is an application's own
		return nil
	case err != nil:
		return err
	case task.State != string(tasks.StateUncertain):
		return nil
	}
	log := s.Store.log.With().Str("id", c.TaskID).Str("call_id", c.hide(c.ID)).Logger()
	caller := s.Caller(task.Account)
	if caller == nil {
		log.Warn().Str("account", task.Account).Msg("receipt not used: its account is unknown here")
		return errNoAccount // a worker that knows it is offered the call in a minute
	}
	seen := dypls.Binding{SubsID: c.SubsID, SecretNo: c.SecretNo, Extension: c.Extension}
	err = s.Queue.ResolveByBinding(ctx, caller, c.TaskID, seen, byReceipt)
	switch {
	case err == nil:
		log.Info().Str("subs_id", c.SubsID).Msg("uncertain bind settled by a receipt")
	case errors.Is(err, tasks.ErrNotUncertain): // somebody was faster
	case errors.Is(err, tasks.ErrOtherBinding):
		log.Warn().Str("subs_id", c.SubsID).Msg("receipt not used: its binding is not the bind's")
	default:
		log.Warn().Str("error", dypls.Scrub(err.Error())).Msg("receipt not used yet; trying again")
		return err
	}
	return nil
}
