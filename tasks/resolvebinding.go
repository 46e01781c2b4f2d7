package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// ErrOtherBinding: the API shows no such binding, or one that the task did not ask for.
var ErrOtherBinding = errors.New("the binding is not the one that the task asked for")

// clockTolerance is how far a clock may be off: the API refuses what one further off has signed.
const clockTolerance = 15 * time.Minute

// ResolveByBinding settles an uncertain bind of which a binding turned up: the receipt of a call
// names its SubsId and X. The API confirms it before: the binding must be active, have the A, B,
// group, extension and Expiration of the request, and be no older than the task, give or take a
// quarter of an hour. By names what told of it; it is kept with the record.
//
// It makes two calls that only read, and more where X serves others as well. c makes them as the
// task's account.
//
// Errors: [ErrOtherBinding], [ErrNotUncertain], [ErrUnknownTask], [ErrOtherAction] of one that this
// version does not know, [ErrUndecryptable], [ErrUnreachable], ctx's, and those of c, after
// which it may be asked again.
func (q *Queue) ResolveByBinding(
	ctx context.Context,
	c dypls.Caller,
	id string,
	seen dypls.Binding,
	by string,
) error {
	task, kind, err := q.read(ctx, id)
	if err != nil {
		return err
	}
	if task.State != record.Uncertain {
		return fmt.Errorf("task %s: %w: it is %s", id, ErrNotUncertain, task.State)
	}
	if task.Undecryptable != nil {
		return undecryptable(task)
	}
	since := task.EnqueuedAt.Add(-clockTolerance)
	found, is, err := kind.sight(ctx, c, task.Request, seen, since)
	if err != nil {
		return fmt.Errorf("task %s: look for its binding: %w", id, err)
	}
	if !is {
		return fmt.Errorf("task %s: %w", id, ErrOtherBinding)
	}
	result, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("task %s: encode its binding: %w", id, err)
	}
	resolution := record.Resolution{
		ID: id, State: record.Succeeded, By: by,
		Code: dypls.CodeOK, Message: "its call took effect: its binding turned up",
		Result: result, SubsID: found.SubsID,
	}
	return q.resolve(ctx, kind, task, resolution)
}

// sightFunc finds the binding of a bind's request by what somebody saw of it. False says that the
// API shows none that is both.
type sightFunc func(
	ctx context.Context,
	c dypls.Caller,
	request []byte,
	seen dypls.Binding,
	since time.Time,
) (dypls.Binding, bool, error)

func sight[Req dypls.Request, Res any](operation dypls.Operation[Req, Res]) sightFunc {
	return func(
		ctx context.Context,
		c dypls.Caller,
		request []byte,
		seen dypls.Binding,
		since time.Time,
	) (dypls.Binding, bool, error) {
		if _, binds := any(*new(Res)).(dypls.Binding); !binds {
			return dypls.Binding{}, false, nil
		}
		named, err := nameSeen(request, seen)
		if err != nil {
			return dypls.Binding{}, false, err
		}
		var req Req
		if err := json.Unmarshal(named, &req); err != nil {
			return dypls.Binding{}, false, err
		}
		shown, err := operation.Find(ctx, c, req, since)
		if err != nil || shown.Finding != dypls.Found {
			return dypls.Binding{}, false, err
		}
		for _, res := range append([]Res{shown.Res}, shown.Surplus...) {
			if b, _ := any(res).(dypls.Binding); b.SubsID == seen.SubsID {
				return b, true, nil
			}
		}
		return dypls.Binding{}, false, nil
	}
}

// nameSeen names in a request the X that was seen. One that the request names itself stays.
func nameSeen(request []byte, seen dypls.Binding) ([]byte, error) {
	var asked struct {
		PhoneNoX  dypls.Phone `json:"PhoneNoX"`
		Extension string      `json:"Extension"`
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	at := inventory.Leased{X: seen.SecretNo, Extension: string(seen.Extension)}
	if asked.PhoneNoX != "" {
		at.X = asked.PhoneNoX
	}
	if asked.Extension != "" {
		at.Extension = asked.Extension
	}
	return at.NameIn(request)
}
