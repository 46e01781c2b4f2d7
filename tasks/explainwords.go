package tasks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Clause is one part of why a task stands where it does, or of what a person may do about it, for a
// program that says it in another language. [Explanation] says the same in English.
type Clause struct {
	Name   string
	Values []string // as many as those of [Clauses]
}

// wording is how a clause is said in English. Each of its values stands for a %s, in their order.
type wording struct {
	text   string
	values []string
}

func says(text string, values ...string) wording { return wording{text, values} }

// redelivered is about how long the workers take to notice that a task has no delivery.
const redelivered = "a worker makes the next one within about half a minute"

// The names of the clauses.
const (
	whySucceeded      = "succeeded"
	whyFailed         = "failed"
	whyUncertain      = "uncertain"
	whyUnknownAction  = "unknown-action"
	whyCalling        = "calling"
	whyLooking        = "looking"
	whyCallLapsed     = "call-lapsed"
	whyLookLapsed     = "look-lapsed"
	whyScheduled      = "scheduled"
	whyPending        = "pending"
	whyActive         = "active"
	whyPutAway        = "put-away"
	whyUnreadable     = "unreadable"
	whyGone           = "gone"
	whyUndecryptable  = "undecryptable"
	whyRefused        = "refused-in-doubt"
	whyNoAnswer       = "no-answer"
	whyHeldByAnother  = "held-by-another"
	whyRetry          = "retry"
	whySettledBy      = "settled-by"
	whySealed         = "sealed"
	whySurplus        = "surplus"
	whyExpires        = "expires-first"
	whyPaused         = "paused"
	whyUnserved       = "unserved"
	whyDenied         = "denied"
	whyNotTheAPI      = "not-the-api"
	whyNoAccount      = "account-unknown"
	whyAccountMissing = "account-missing"

	remedyRun         = "run-again"
	remedyResolve     = "resolve"
	remedyOtherOne    = "other-version"
	remedyClock       = "clock"
	remedyKeys        = "keys"
	remedyLostKeys    = "lost-keys"
	remedyResume      = "resume"
	remedyStart       = "start-a-worker"
	remedyCode        = "code"
	remedyEndpoint    = "endpoint"
	remedyAccount     = "start-with-account"
	remedyEachAccount = "account-everywhere"
)

var reasons = map[string]wording{
	whySucceeded: says("it succeeded"),
	whyFailed:    says("it failed: %s (%s): %s", "code", "class", "message"),
	whyUncertain: says(
		"held: it may have taken effect, and nobody can tell: %s: %s", "code", "message",
	),
	whyUnknownAction: says("this version does not know its action"),
	whyCalling:       says("a worker is calling; its claim holds until then"),
	whyLooking: says(
		"a worker is looking for the effect of an earlier call; its claim holds until then",
	),
	whyCallLapsed: says(
		"the worker that was calling has ended without a word: another one takes over with the next " +
			"delivery",
	),
	whyLookLapsed: says(
		"the worker that was looking for the effect of an earlier call has ended without a word: another " +
			"one takes over with the next delivery",
	),
	whyScheduled: says("it is to start later"),
	whyPending:   says("it is due, and waits for a worker to fetch it"),
	whyActive: says(
		"a worker has fetched it, and is about to begin, or waits for a slot in the quota",
	),
	whyPutAway: says("its delivery was put away by hand: " + redelivered),
	whyUnreadable: says(
		"its delivery cannot be read: a worker sets it aside and makes the next one within about half " +
			"a minute",
	),
	whyGone:          says("it has no delivery, whoever was to make it has ended: " + redelivered),
	whyUndecryptable: says("its request does not open, so that no call leaves: %s", "message"),
	whyRefused: says(
		"it was refused (%s), and an earlier call may have taken effect: it is looked for then, which "+
			"makes no call", "code",
	),
	whyNoAnswer: says(
		"a call had no answer: whether it took effect is looked for then, before any other call (%s "+
			"looks found nothing so far)", "looks",
	),
	whyHeldByAnother: says("another worker held it: it is offered again then"),
	whyRetry: says(
		"the latest attempt ended as %s (%s): it is tried again then", "code", "class",
	),
	whySettledBy: says("settled by %s", "person"),
	whySealed:    says("what is recorded of it does not open here: %s", "message"),
	whySurplus: says(
		"it made %s surplus bindings, which are unbound by tasks of their own", "number",
	),
	whyExpires: says(
		"its time is over then, and no call starts any more: it fails as %s", "code",
	),
	whyPaused:   says("its queue is paused"),
	whyUnserved: says("no worker serves its queue"),
	whyDenied: says(
		"calls of %s are denied (%s) for %s: they are held, and one at a time finds out whether they "+
			"still are", "scope", "code", "time",
	),
	whyNotTheAPI: says(
		"what answers at the endpoint has not been the API for %s: a bind that could not be looked up "+
			"is held, and one read at a time finds out whether the API is back", "time",
	),
	whyNoAccount: says(
		"no running worker knows its account %s: it is held in its queue for one that does, until its "+
			"time is over", "account",
	),
	whyAccountMissing: says(
		"some workers do not know its account %s, and leave it to the others", "account",
	),
}

var remedies = map[string]wording{
	remedyRun: says(
		"dyplsq codes tells what the code means; Run in the dashboard tries it again with all its " +
			"attempts",
	),
	remedyResolve: says(
		"find out, then settle it: dyplsq resolve %s --succeeded JSON | --failed | --retry", "task",
	),
	remedyOtherOne: says("look with the version that enqueued it"),
	remedyClock:    says(dypls.ClockRemedy),
	remedyKeys: says(
		"dyplsq keys status tells which keys are missing; with its key it goes on by itself within a " +
			"minute",
	),
	remedyLostKeys: says("Where the key is lost: dyplsq cancel %s", "task"),
	remedyResume:   says("dyplsq resume %s", "queue"),
	remedyStart:    says("start one: dyplsq worker"),
	remedyCode: says(
		"dyplsq codes tells what %s means; mend account, credentials or pool, and it goes on by itself",
		"code",
	),
	remedyEndpoint: says(
		"look at the network, the proxy and DYPLSQ_ENDPOINT; it goes on by itself once the API answers",
	),
	remedyAccount:     says("start one that does: dyplsq worker --account %s", "account"),
	remedyEachAccount: says("give every worker --account %s", "account"),
}

// Clauses returns every clause of which an [Explanation] may be made, its values being the names of
// what they will hold: reasons, and remedies.
func Clauses() (why, remedy []Clause) { return clausesOf(reasons), clausesOf(remedies) }

func clausesOf(said map[string]wording) (all []Clause) {
	for _, name := range slices.Sorted(maps.Keys(said)) {
		all = append(all, Clause{name, said[name].values})
	}
	return all
}

// because adds a reason.
func (e *Explanation) because(name string, values ...string) {
	e.Reasons = append(e.Reasons, Clause{name, values})
}

// remedy has a remedy in the place of all others.
func (e *Explanation) remedy(name string, values ...string) {
	e.Remedies = []Clause{{name, values}}
}

// say writes down in English why, and what to do.
func (e *Explanation) say() {
	e.Why, e.Remedy = inEnglish(reasons, e.Reasons, "; "), inEnglish(remedies, e.Remedies, ". ")
}

func inEnglish(said map[string]wording, clauses []Clause, separator string) string {
	parts := make([]string, len(clauses))
	for i, c := range clauses {
		values := make([]any, len(c.Values))
		for k, v := range c.Values {
			values[k] = v
		}
		parts[i] = fmt.Sprintf(said[c.Name].text, values...)
	}
	return strings.Join(parts, separator)
}
