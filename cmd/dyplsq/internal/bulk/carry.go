package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// changedTogether is how many tasks are written down, and then changed, at once. Where the process
	// dies, so many at the most stand in the audit and were left as they were.
	changedTogether = 100
	// changedAtOnce is how many of them are changed in the same moment.
	changedAtOnce = 16
	// changeWithin is how long one change may take that had begun when whoever asked gave up.
	changeWithin = 10 * time.Second
)

// Actor is who has a plan carried out, how and why.
type Actor struct{ By, Via, Reason string }

// Report is what came of a plan.
type Report struct {
	Verb     Verb       `json:"verb"`
	Counted  int        `json:"counted"` // tasks of the plan
	Done     int        `json:"done"`
	Differed []Differed `json:"differed"` // those that were left as they are, or may have been
	Left     int        `json:"left"`     // not come to
}

// Differed is a task that no longer was what it was counted as.
type Differed struct {
	ID  string `json:"id"`
	Why string `json:"why"`
	// What and the states say the same as Why, for a page that says it in another language.
	What    Difference `json:"-"`
	Is, Was string     `json:"-"` // with Changed: state and code
}

// Difference is why a task was left as it is, or may have been.
type Difference string

// The differences.
const (
	Gone    Difference = "gone"    // it has no record any more
	Changed Difference = "changed" // it is in another state, or has another code
	Refused Difference = "refused" // it changed just before it was to be changed
	Unclear Difference = "unclear" // no answer says whether it was changed
)

// Carry does what the plan says to its tasks, as far as each still is what it was counted as. It
// tells progress how many it has come to, now and then. It ends early, with a report, once ctx is
// done, and where Redis is out of reach or the audit cannot be written; the error says so.
//
// The audit has a line for the whole before anything is changed and one with what came of it, and a
// line for each task before it is changed, and a second one where it was not.
func (p Plan) Carry(
	ctx context.Context, log *audit.Log, who Actor, progress func(done int),
) (r Report, err error) {
	c := &carrier{
		plan: p, log: log, who: who,
		report: Report{Verb: p.Verb, Counted: len(p.Tasks), Left: len(p.Tasks)},
	}
	line := c.line(verbs[p.Verb].many, FilterText(p.Filter), map[string]string{
		"verb": string(p.Verb), "count": strconv.Itoa(len(p.Tasks)), "bulk": p.name(),
	})
	err = log.Do(ctx, line, func(ctx context.Context) (map[string]string, error) {
		err := c.carry(ctx, progress)
		return map[string]string{
			"done":     strconv.Itoa(c.report.Done),
			"differed": strconv.Itoa(len(c.report.Differed)),
			"left":     strconv.Itoa(c.report.Left),
		}, err
	})
	return c.report, err
}

// carrier carries out a plan.
type carrier struct {
	plan Plan
	log  *audit.Log
	who  Actor

	mu     sync.Mutex
	report Report
}

func (c *carrier) line(action, target string, detail map[string]string) audit.Entry {
	return audit.Entry{
		By: c.who.By, Via: c.who.Via, Action: action, Target: target, Reason: c.who.Reason,
		Detail: detail,
	}
}

func (c *carrier) carry(ctx context.Context, progress func(int)) error {
	for some := range slices.Chunk(c.plan.Tasks, changedTogether) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.some(ctx, some); err != nil {
			return err
		}
		progress(c.report.Counted - c.report.Left)
	}
	return nil
}

// some changes some tasks: those that still are what they were counted as.
func (c *carrier) some(ctx context.Context, counted []tasks.Found) error {
	ids := make([]string, len(counted))
	for i, t := range counted {
		ids[i] = t.ID
	}
	views, err := c.plan.queue.Views(ctx, ids...)
	if err != nil {
		return err
	}
	var same []tasks.Found
	for _, t := range counted {
		if d, differs := changed(t, views); differs {
			c.differs(d)
			continue
		}
		same = append(same, t)
	}
	lines := make([]audit.Entry, len(same))
	detail := map[string]string{"verb": string(c.plan.Verb), "bulk": c.plan.name()}
	for i, t := range same {
		lines[i] = c.line(verbs[c.plan.Verb].each, t.ID, detail)
	}
	written, err := c.log.AddAll(ctx, lines)
	if err != nil {
		return fmt.Errorf("%w: %w", audit.ErrNotWritten, err)
	}
	failures := make([]error, len(same))
	group := errgroup.Group{}
	group.SetLimit(changedAtOnce)
	for i, t := range same {
		group.Go(func() error {
			failures[i] = c.one(ctx, t)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	var seconds []audit.Entry
	for i, err := range failures {
		if err != nil {
			seconds = append(seconds, lines[i].Second(written[i], nil, err))
		}
	}
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeWithin)
	defer cancel()
	_, _ = c.log.AddAll(told, seconds) // the first lines stand
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, err := range failures {
		if err != nil && !isAnswer(err) {
			return err
		}
	}
	return nil
}

// name ties the lines of a plan together.
func (p Plan) name() string {
	const length = 12
	return p.Digest[:length]
}

// changed tells what a task is by now, where that is not what it was counted as.
func changed(counted tasks.Found, views map[string]tasks.View) (d Differed, differs bool) {
	d.ID = counted.ID
	now, known := views[counted.ID]
	switch {
	case !known:
		d.What, d.Why = Gone, "its record is gone"
	case now.State != string(counted.State) || now.Code != counted.Code:
		d.Is, d.Was = now.State+" "+now.Code, string(counted.State)+" "+counted.Code
		d.What, d.Why = Changed, "it is "+d.Is+", and was counted as "+d.Was
	default:
		return d, false
	}
	return d, true
}

// one changes one task, and counts it. It returns why it did not.
func (c *carrier) one(ctx context.Context, t tasks.Found) error {
	if ctx.Err() != nil { // it stays among those that are left
		return ctx.Err()
	}
	doing, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeWithin)
	defer cancel()
	err := c.do(doing, t.ID)
	switch {
	case err == nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.report.Done++
		c.report.Left--
	case isAnswer(err):
		c.differs(Differed{ID: t.ID, Why: err.Error(), What: Refused})
	default:
		c.differs(Differed{ID: t.ID, Why: "it may have been changed: " + err.Error(), What: Unclear})
	}
	return err
}

func (c *carrier) do(ctx context.Context, id string) error {
	switch c.plan.Verb {
	case Cancel:
		return c.plan.queue.Cancel(ctx, id)
	case Retry:
		return c.plan.queue.Retry(ctx, id, c.who.By)
	case Fail:
		return c.plan.queue.Resolve(ctx, id, tasks.ResolveFailed(c.who.By))
	case CallAgain:
		return c.plan.queue.Resolve(ctx, id, tasks.ResolveRetry(c.who.By))
	}
	return fmt.Errorf("bulk: there is no verb %q", c.plan.Verb)
}

func (c *carrier) differs(d Differed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Differed = append(c.report.Differed, d)
	c.report.Left--
}

// isAnswer reports whether an error says that the task was left as it is.
func isAnswer(err error) bool {
	for _, answer := range []error{
		tasks.ErrNotCancelable, tasks.ErrNotFailed, tasks.ErrNotUncertain, tasks.ErrUnknownTask,
		tasks.ErrOtherAction,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// Summary tells the counts of a plan, the largest first: "12 tasks: 12 failed; 10 isv.X, 2 isv.Y".
func (p Plan) Summary() string {
	text := strconv.Itoa(len(p.Tasks)) + " tasks"
	if len(p.Tasks) == 1 {
		text = "1 task"
	}
	for i, counts := range []map[string]int{p.States, p.Codes, p.Actions} {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		for _, name := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		}) {
			text += separator + strconv.Itoa(counts[name]) + " " + name
			separator = ", "
		}
	}
	return text
}
