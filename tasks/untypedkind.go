package tasks

import (
	"context"
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// UntypedKind is a kind without its types, for programs that learn the action when they run.
type UntypedKind struct {
	action string
	policy Policy
	reads  bool // its calls change nothing
	decode func(data []byte, extra ...dypls.Extra) (dypls.Request, error)
	result func(data []byte) (result []byte, subsID string, err error)
	mask   func(result []byte) []byte
	sight  sightFunc
}

// registry holds every kind, in the order of their declaration. It is filled while the package's
// variables are initialised and never changed afterwards.
var registry []UntypedKind

func register(d UntypedKind) { registry = append(registry, d) }

// Kinds returns all kinds.
func Kinds() []UntypedKind { return slices.Clone(registry) }

// Lookup finds a kind by its action, such as BindAxn.
func Lookup(action string) (UntypedKind, bool) {
	for _, d := range registry {
		if d.action == action {
			return d, true
		}
	}
	return UntypedKind{}, false
}

// queueOf returns the queue of an action's tasks, and whether there are any.
func queueOf(action string) (queue string, known bool) {
	kind, known := Lookup(action)
	return kind.policy.Queue, known
}

// Action is the API's name.
func (d UntypedKind) Action() string { return d.action }

// Queue is the name of the queue of asynq that delivers the kind.
func (d UntypedKind) Queue() string { return d.policy.Queue }

// Decode reads one JSON object of the API's parameters strictly, as [dypls.DecodeRequest] does. A
// member TaskID beside them is the task's key, and Account its account; BindTaskID, of an
// UnbindSubscription, names the bind's task in their place.
func (d UntypedKind) Decode(data []byte) (Item[dypls.Request], error) {
	var key, account, bindTask *string
	extra := []dypls.Extra{{Name: "TaskID", Into: &key}, {Name: accountField, Into: &account}}
	if d.action == dypls.UnbindSubscription.Action {
		extra = append(extra, dypls.Extra{Name: bindTaskField, Into: &bindTask})
	}
	request, err := d.decode(data, extra...)
	item := Item[dypls.Request]{Request: request}
	if key != nil { // an empty key is no key left out: it is refused
		item.Options = append(item.Options, TaskID(*key))
	}
	if account != nil {
		item.Options = append(item.Options, Account(*account))
	}
	if bindTask != nil {
		item.Options = append(item.Options, UnbindOf(*bindTask))
	}
	return item, err
}

// EnqueueAll enqueues a batch as [Kind.EnqueueAll] does. The items' requests must come from Decode.
func (d UntypedKind) EnqueueAll(
	ctx context.Context,
	q *Queue,
	items []Item[dypls.Request],
) ([]string, error) {
	drafts := make([]*draft, len(items))
	for i, item := range items {
		drafts[i] = newDraft(d.action, d.policy, item.Request, item.Options)
	}
	return q.enqueue(ctx, drafts)
}

// CheckOptions says what is wrong with options, as a *dypls.ValidationError: for programs that tell
// it together with what is wrong with a request that could not be decoded.
func (d UntypedKind) CheckOptions(options ...Option) error {
	draft := newDraft(d.action, d.policy, nil, options)
	if !draft.options.keyed {
		draft.options.id = "-" // that of a task without a key is made for it
	}
	return join(nil, draft.problems())
}
