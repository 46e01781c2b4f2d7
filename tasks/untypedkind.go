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
	reads  bool                     // its calls change nothing
	takes  func(dypls.Request) bool // a request of the kind's type
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
// member TaskID beside them is the task's key, Account its account, and Callback the endpoint that
// is to be told of it; BindTaskID, of an UnbindSubscription, names the bind's task in their place.
func (d UntypedKind) Decode(data []byte) (UntypedItem, error) {
	var key, account, callback, bindTask *string
	extra := []dypls.Extra{
		{Name: "TaskID", Into: &key}, {Name: accountField, Into: &account},
		{Name: callbackField, Into: &callback},
	}
	if d.action == dypls.UnbindSubscription.Action {
		extra = append(extra, dypls.Extra{Name: bindTaskField, Into: &bindTask})
	}
	request, err := d.decode(data, extra...)
	item := UntypedItem{Kind: d, Request: request}
	if key != nil { // an empty key is no key left out: it is refused
		item.Options = append(item.Options, TaskID(*key))
	}
	if account != nil {
		item.Options = append(item.Options, Account(*account))
	}
	if callback != nil {
		item.Options = append(item.Options, Callback(*callback))
	}
	if bindTask != nil {
		item.Options = append(item.Options, UnbindOf(*bindTask))
	}
	return item, err
}

// UntypedItem is one task of a batch whose tasks may be of several kinds.
// [UntypedKind.Decode] makes one of JSON.
type UntypedItem struct {
	Kind    UntypedKind
	Request dypls.Request // of the kind's type
	Options []Option
}

// EnqueueAll enqueues a batch as [Kind.EnqueueAll] does, all or nothing whatever the kinds. An
// unbind may name a bind of the same batch by [UnbindOf].
func (q *Queue) EnqueueAll(ctx context.Context, items []UntypedItem) ([]string, error) {
	drafts := make([]*draft, len(items))
	for i, item := range items {
		drafts[i] = newDraft(item.Kind.action, item.Kind.policy, item.Request, item.Options)
		drafts[i].err = join(nil, item.problems())
	}
	return q.enqueue(ctx, drafts)
}

func (i UntypedItem) problems() []dypls.Problem {
	switch {
	case i.Kind.takes == nil:
		return []dypls.Problem{
			{Field: "Kind", Rule: "must be a kind of task", Remedy: "take it from Lookup"},
		}
	case !i.Kind.takes(i.Request):
		return []dypls.Problem{{
			Field: "Request", Rule: "must be a request of " + i.Kind.action,
			Remedy: "make it by the kind's Decode",
		}}
	}
	return nil
}

// Check says what is wrong with a task at any time, as a *dypls.ValidationError: what EnqueueAll
// would refuse it for, save for its key and what depends on the time.
func (i UntypedItem) Check() error {
	d := i.draft()
	return join(d.validate(), append(i.problems(), d.problems()...))
}

// CheckOptions is Check without the request's own rules: for programs that tell what is wrong with
// the options together with what is wrong with a request that could not be decoded.
func (i UntypedItem) CheckOptions() error { return join(nil, i.draft().problems()) }

// draft is the task as far as it can be made ready without anybody being asked.
func (i UntypedItem) draft() *draft {
	d := newDraft(i.Kind.action, i.Kind.policy, i.Request, i.Options)
	if i.Request != nil {
		d.parameters = dypls.ParametersOf(i.Request)
	}
	if !d.options.keyed {
		d.options.id = "-" // that of a task without a key is made for it
	}
	return d
}
