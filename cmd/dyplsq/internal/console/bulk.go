package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// bulkVerbs are what may be done to all tasks that match, by the state that is asked for.
func bulkVerbs(state string) []bulk.Verb {
	switch state {
	case "":
		return []bulk.Verb{bulk.Retry, bulk.Cancel}
	case "failed":
		return []bulk.Verb{bulk.Retry}
	case "uncertain":
		return []bulk.Verb{bulk.Fail, bulk.CallAgain}
	case "pending", "queued", "waiting":
		return []bulk.Verb{bulk.Cancel}
	}
	return nil
}

// preview is what the page shows that asks whether something is really to be done to many tasks.
type preview struct {
	bulk.Plan

	What   string // the filter, as people write it
	Counts []tally
	Back   string
	Twice  bool // a second number may be used up by each
}

// tally is how many tasks of a plan have something in common.
type tally struct {
	Name   string // a text's key
	Counts []counted
}

type counted struct {
	Of string
	N  int
}

// previewPage counts what would be done to how many tasks, and asks why. It keeps the plan: what is
// confirmed is done to exactly these tasks.
func previewPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	verb := bulk.Verb(r.field("verb"))
	if !slices.Contains([]bulk.Verb{bulk.Retry, bulk.Cancel, bulk.Fail, bulk.CallAgain}, verb) {
		return answer{}, badField("verb", errors.New("retry, cancel, fail or call-again"))
	}
	filter, err := r.filter()
	if err != nil {
		return answer{}, err
	}
	plan, err := bulk.Preview(r.Context(), r.console.Queue, verb, filter)
	if err != nil {
		return answer{}, err
	}
	r.console.plans.keep(planKey{r.session, r.access.User, plan.Digest}, plan, r.console.Now())
	return answer{page: "bulk", data: preview{
		Plan: plan, What: bulk.FilterText(plan.Filter), Twice: verb == bulk.CallAgain,
		Counts: []tally{
			{"tasks.state", countedOf(plan.States)},
			{"tasks.code", countedOf(plan.Codes)},
			{"tasks.action", countedOf(plan.Actions)},
		},
		Back: link(
			"tasks", "state", r.field("state"), "code", r.field("code"), "action", r.field("action"),
			"account", r.field("account"), "since", r.field("since"),
		),
	}}, nil
}

// countedOf puts the most frequent first, and leaves out what nobody reads to the end.
func countedOf(counts map[string]int) (c []counted) {
	const most = 20
	falling := func(a, b string) int { return counts[b] - counts[a] }
	for _, of := range slices.SortedFunc(maps.Keys(counts), falling) {
		c = append(c, counted{of, counts[of]})
	}
	return c[:min(len(c), most)]
}

// carriedOut is what the page shows that tells what came of a plan.
type carriedOut struct {
	bulk.Report

	Hidden int    // tasks that differed and are not shown
	Why    string // what ended it before its end, "" for nothing
}

const (
	carryWithin  = 45 * time.Second // a browser's request is ended after a minute
	differedMost = 200
)

// carryPage does what the page before asked about. Whatever is not done in its time is left, and
// that is said.
func carryPage(r *request) (answer, error) {
	reason := r.field("reason")
	plan, kept := r.console.plans.take(
		planKey{r.session, r.access.User, r.field("digest")}, r.console.Now(),
	)
	switch {
	case !kept:
		return answer{}, problem{status: http.StatusConflict, text: "problem.preview"}
	case reason == "":
		return answer{}, errReason
	case plan.Verb == bulk.CallAgain && r.field("looked") != "yes":
		return answer{}, errLooked
	}
	ctx, cancel := context.WithTimeout(r.Context(), carryWithin)
	defer cancel()
	who := bulk.Actor{By: r.by(), Via: audit.Console, Reason: reason}
	report, err := plan.Carry(ctx, r.console.Audit, who, func(int) {})
	if errors.Is(err, audit.ErrNotWritten) && report.Done == 0 {
		return answer{}, err
	}
	done := carriedOut{Report: report}
	if err != nil {
		r.console.Note(r.URL.Path, err)
		done.Why = problemOf(err).text
		if ctx.Err() != nil {
			done.Why = "bulk.time"
		}
	}
	if len(done.Differed) > differedMost {
		done.Hidden = len(done.Differed) - differedMost
		done.Differed = done.Differed[:differedMost]
	}
	return answer{page: "carried", data: done}, nil
}

// plans are those that were shown a short while ago, for whoever confirms one.
type plans struct {
	mu   sync.Mutex
	kept []keptPlan // the oldest first
}

type planKey struct{ session, user, digest string }

type keptPlan struct {
	planKey
	bulk.Plan

	at time.Time
}

const (
	planLife  = 15 * time.Minute
	plansMost = 8       // in all
	tasksMost = 250_000 // in all of them: some 50 MB
)

// keep adds a plan, and drops what is old or too much.
func (p *plans) keep(key planKey, plan bulk.Plan, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.drop(key, now), keptPlan{key, plan, now})
	total := 0
	for i, k := range slices.Backward(p.kept) {
		if total += len(k.Tasks); len(p.kept)-i > plansMost || total > tasksMost && i < len(p.kept)-1 {
			p.kept = slices.Clone(p.kept[i+1:])
			return
		}
	}
}

// take hands out a plan, once.
func (p *plans) take(key planKey, now time.Time) (plan bulk.Plan, kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.kept {
		if k.planKey == key && now.Sub(k.at) < planLife {
			plan, kept = k.Plan, true
		}
	}
	p.kept = p.drop(key, now)
	return plan, kept
}

// drop are the plans without one, and without those whose time is over.
func (p *plans) drop(key planKey, now time.Time) []keptPlan {
	return slices.DeleteFunc(p.kept, func(k keptPlan) bool {
		return k.planKey == key || now.Sub(k.at) >= planLife
	})
}

// bulkLinks lead from a list to what may be done to all of it.
func (r *request) bulkLinks(list taskList) (links []bulkLink) {
	for _, verb := range bulkVerbs(list.State) {
		links = append(links, bulkLink{string(verb), link(
			"bulk", "verb", string(verb), "state", list.State, "code", list.Code, "action", list.Action,
			"account", list.Account, "since", list.Since,
		)})
	}
	return links
}

type bulkLink struct{ Verb, Path string }
