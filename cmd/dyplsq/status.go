package main

import (
	"context"
	"errors"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Exit statuses.
const (
	statusOK          = 0
	statusFailed      = 1 // some failed or uncertain
	statusUsage       = 2 // bad usage or input
	statusUnreachable = 3 // Redis out of reach
	statusPending     = 4 // still pending at --wait
)

// statusError ends a command with a status. An empty text prints nothing: what there is to say was
// said.
type statusError struct {
	status int
	text   string
}

func (e statusError) Error() string { return e.text }

func usage(text string) error { return statusError{statusUsage, text} }

// statusOf finds the first status that applies.
func statusOf(err error) int {
	if errors.Is(err, context.Canceled) {
		return statusFailed // interrupted
	}
	if errors.Is(err, tasks.ErrUnreachable) {
		return statusUnreachable
	}
	if e, ok := errors.AsType[statusError](err); ok {
		return e.status
	}
	if _, invalid := errors.AsType[*dypls.ValidationError](err); invalid {
		return statusUsage
	}
	for _, usage := range []error{
		tasks.ErrKeyReused,
		tasks.ErrUnknownTask,
		tasks.ErrNotUncertain,
		tasks.ErrNotFailed,
		tasks.ErrUnknownQueue,
		calls.ErrUnknownCall,
	} {
		if errors.Is(err, usage) {
			return statusUsage
		}
	}
	return statusFailed
}
