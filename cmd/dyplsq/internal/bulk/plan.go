// Package bulk does the same to many tasks: it says first to which, and then changes these and no
// others.
package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Verb is what is done to each task.
type Verb string

// The verbs. Nobody can say in one word what many lost calls have bound: there is none to settle
// tasks as succeeded.
const (
	Cancel    Verb = "cancel"     // withdraws tasks that wait
	Retry     Verb = "retry"      // lets tasks that failed run again
	Fail      Verb = "fail"       // settles uncertain tasks as failed: no call took effect
	CallAgain Verb = "call-again" // makes the call of uncertain tasks again, which may bind twice
)

// Most is how many tasks one plan has at the most.
const Most = 100_000

// verbs tell of which states each is, the usual ones first, and how the audit calls it.
var verbs = map[Verb]struct {
	states     []tasks.State
	many, each string
}{
	Cancel:    {[]tasks.State{"queued", "waiting"}, audit.BulkCancel, audit.Cancel},
	Retry:     {[]tasks.State{tasks.StateFailed}, audit.BulkRetry, audit.Retry},
	Fail:      {[]tasks.State{tasks.StateUncertain}, audit.BulkResolve, audit.Resolve},
	CallAgain: {[]tasks.State{tasks.StateUncertain}, audit.BulkResolve, audit.Resolve},
}

// Plan is what is to be done, and to which tasks: those that met the filter when it was made.
type Plan struct {
	Verb   Verb
	Filter tasks.Filter
	Tasks  []tasks.Found
	// How many of them there are, by state, by code and by action.
	States, Codes, Actions map[string]int
	// Withheld is how many others meet the filter that are not tried again: they failed, and a call of
	// theirs may have taken effect all the same. Each is looked at by itself.
	Withheld int
	// More says that others may meet the filter: those of the plan are done first.
	More bool
	// Digest stands for verb and tasks, each as it was found. A plan that is made again, by a page
	// that somebody confirms, is the same where its digest is.
	Digest string

	queue *tasks.Queue
}

// Preview finds out to which tasks something would be done, and does nothing. A filter without a
// state means those to which it can be done. Its errors are those of [tasks.Queue.Find].
func Preview(ctx context.Context, queue *tasks.Queue, verb Verb, f tasks.Filter) (Plan, error) {
	states, err := statesOf(verb, f.States)
	if err != nil {
		return Plan{}, err
	}
	f.States = states
	p := Plan{
		Verb: verb, Filter: f, queue: queue,
		States: map[string]int{}, Codes: map[string]int{}, Actions: map[string]int{},
	}
	found, all, err := queue.Find(ctx, f, Most)
	if err != nil {
		return Plan{}, err
	}
	if verb == Retry {
		counted := len(found)
		found = slices.DeleteFunc(found, func(t tasks.Found) bool { return t.MayHaveRun })
		p.Withheld = counted - len(found)
	}
	p.Tasks, p.More = found, !all
	for _, t := range found {
		p.States[string(t.State)]++
		p.Actions[t.Action]++
		if t.Code != "" {
			p.Codes[t.Code]++
		}
	}
	p.Digest = digest(verb, found)
	return p, nil
}

// statesOf are those that are looked for, or why that cannot be.
func statesOf(verb Verb, given []tasks.State) ([]tasks.State, error) {
	v, known := verbs[verb]
	if !known {
		return nil, fmt.Errorf("bulk: there is no verb %q", verb)
	}
	if len(given) == 0 {
		return v.states, nil
	}
	var states []tasks.State
	for _, state := range given {
		switch {
		case slices.Contains(v.states, state):
			states = append(states, state)
		case verb == Cancel && state == tasks.StatePending:
			states = append(states, v.states...)
		default:
			return nil, &dypls.ValidationError{Problems: []dypls.Problem{wrongState(verb, state)}}
		}
	}
	return states, nil
}

func wrongState(verb Verb, state tasks.State) dypls.Problem {
	p := dypls.Problem{Field: "state of the filter"}
	switch {
	case verb == Retry && state == tasks.StateUncertain:
		p.Rule = "must be failed: the call of an uncertain task may have taken effect, and to make it again may bind twice"
		p.Remedy = "look at each with explain, or add --may-bind-twice"
	case verb == Retry:
		p.Rule, p.Remedy = "must be failed to try tasks again", "leave it out, or write state=failed"
	case verb == Cancel:
		p.Rule, p.Remedy = "must be pending, queued or waiting to cancel tasks", "leave it out, or write one of them"
	default:
		p.Rule, p.Remedy = "must be uncertain to settle tasks", "leave it out, or write state=uncertain"
	}
	return p
}

// letters writes without digits, which the audit would take for a phone number where many meet.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyzABCDEF").WithPadding(base32.NoPadding)

func digest(verb Verb, found []tasks.Found) string {
	lines := make([]string, len(found))
	for i, t := range found {
		lines[i] = t.ID + " " + string(t.State) + " " + t.Code
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(string(verb) + "\n" + strings.Join(lines, "\n")))
	return letters.EncodeToString(sum[:])
}
