package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrUnreachable: Redis could not be asked. Whether an Enqueue took effect is then not known:
	// enqueue again under the same key, which is the id that came with the error where the task had
	// none of its own.
	ErrUnreachable = errors.New("redis is out of reach")
	// ErrRefused: Redis answers and does not do what it is asked, as a replica or with another
	// password does. Such an error is a *[RefusedError], which tells whether waiting may help, and
	// matches [ErrUnreachable], too.
	ErrRefused = errors.New("redis refuses")
	// ErrClosed: the queue was closed, or the client that it was made with. Nothing is wrong with
	// Redis. Whether what was asked meanwhile took effect is not known, as after [ErrUnreachable].
	ErrClosed = errors.New("the queue is closed")
	// ErrUnreplicated: the tasks are recorded, but fewer replicas than [Config] asks for
	// (WaitReplicas) hold them, and a failover could forget them. Enqueue them again under the same
	// keys, as after [ErrUnreachable], which such an error matches, too.
	ErrUnreplicated = errors.New("too few replicas hold the task")
	// ErrUnknownTask: no task is recorded under this id. It never was, or its outcome was kept for its
	// time and is gone; a recording's is gone when its link has expired, and the same request enqueued
	// again fetches a new one.
	ErrUnknownTask = errors.New("unknown task: never enqueued, or its outcome is no longer kept")
	// ErrPending: the task has no outcome yet.
	ErrPending = errors.New("the task has no outcome yet")
	// ErrKeyReused: another request is recorded under this key. It matches a *[KeyReusedError].
	ErrKeyReused = errors.New("the key was used for another request")
	// ErrUndecryptable: what is recorded of the task does not open, for want of a key, or because it
	// was changed. The error says which. Nothing is lost: with the key it opens.
	ErrUndecryptable = errors.New("what is recorded does not open")
	// ErrOtherAction: the task is of another action than the one asked for.
	ErrOtherAction = errors.New("the task is of another action")
)

// KeyReusedError names the parameters in which a request differs from the one recorded under its
// key, never their values.
type KeyReusedError struct {
	ID      string
	Differs []string
}

func (e *KeyReusedError) Error() string {
	text := fmt.Sprintf(
		"task %s: %v; it differs in %s: use a new key for a new request",
		e.ID,
		ErrKeyReused,
		strings.Join(e.Differs, ", "),
	)
	if slices.ContainsFunc(
		e.Differs,
		func(name string) bool { return name == "Expiration" || name == callTime },
	) {
		text += ". A time that is computed anew, such as now and an hour, is another one each time: take it from what the key stands for"
	}
	return text
}

// Is makes errors.Is(err, ErrKeyReused) true.
func (e *KeyReusedError) Is(target error) bool { return target == ErrKeyReused }

// ItemError is what is wrong with one item of a batch.
type ItemError struct {
	Index int // from 0
	Err   error
}

func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index+1, e.Err) }

func (e *ItemError) Unwrap() error { return e.Err }

// BatchError lists what is wrong with the items of a batch, none of which was enqueued.
type BatchError struct{ Items []*ItemError }

func (e *BatchError) Error() string {
	const shown = 20
	lines := make([]string, 0, shown+1)
	for i, item := range e.Items {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Items)-shown))
			break
		}
		lines = append(lines, item.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look at every item.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Items))
	for i, item := range e.Items {
		errs[i] = item
	}
	return errs
}
