package callbacks

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// EventType is what an event is about.
type EventType string

// The types of events.
const (
	TaskFinished  EventType = "task.finished"  // a task succeeded, failed or became uncertain
	CallEnded     EventType = "call.ended"     // the receipt of a call's end came
	RecordingKept EventType = "recording.kept" // a recording is in the archive
	// callbackTest is sent by [Sender.Test] alone.
	callbackTest EventType = "callback.test"
)

// EventTypes returns all that an endpoint may ask for.
func EventTypes() []EventType { return []EventType{TaskFinished, CallEnded, RecordingKept} }

// Of which tasks an endpoint is told.
const (
	AllTasks   = "all"   // of every one
	NamedTasks = "named" // of those that name the endpoint, see [tasks.Callback]
)

// Endpoint is an application that is told of events.
type Endpoint struct {
	// Name is 1-64 characters of A-Z a-z 0-9 . _ -, and its own among all endpoints.
	Name string `json:"name"`
	// URL is https, or http where AllowPrivate is set, and names no user.
	URL string `json:"url"`
	// Secrets sign what is sent, each by a signature of its own, the first one's first. Several let
	// them be changed. Each is whsec_ and the base64 of 24 to 64 random bytes.
	Secrets []string `json:"secrets"`
	// Events are the types that it is told of: all unless some are named.
	Events []EventType `json:"events"`
	// Accounts are those whose events it is told of: all unless some are named.
	// [tasks.DefaultAccount] is that of tasks which name none.
	Accounts []string `json:"accounts"`
	// Tasks says of which tasks it is told: [AllTasks] by default, or [NamedTasks].
	Tasks string `json:"tasks"`
	// Full adds the outcome, with its numbers and links, or the call to what it is told.
	Full bool `json:"full"`
	// AllowPrivate lets the URL lead to this machine and to private networks, and be http.
	AllowPrivate bool `json:"allow_private"`
}

// wants reports whether an endpoint is to be told of an event. named is the endpoint that a task
// names, "" for none.
func (e Endpoint) wants(t EventType, account, named string) bool {
	if len(e.Events) > 0 && !slices.Contains(e.Events, t) {
		return false
	}
	account = cmp.Or(account, tasks.DefaultAccount)
	if len(e.Accounts) > 0 && !slices.Contains(e.Accounts, account) {
		return false
	}
	return t != TaskFinished || e.Tasks != NamedTasks || named == e.Name
}

// host is where an endpoint is, without what may be secret in its URL.
func (e Endpoint) host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// problems is everything that is wrong with an endpoint. It repeats neither the URL nor a secret.
func (e Endpoint) problems(place string) []dypls.Problem {
	list := problemList{place: place}
	if !asynqwire.IsAccount(e.Name) {
		list.add("name", asynqwire.AccountRule, `name it for the application, as in "orders"`)
	}
	e.checkURL(&list)
	if len(e.Secrets) == 0 {
		list.add(
			"secrets", "must hold one secret at least", `make one: echo "whsec_$(openssl rand -base64 32)"`,
		)
	}
	for i, secret := range e.Secrets {
		field := fmt.Sprintf("secrets[%d]", i)
		if _, err := keyOf(secret); err != nil {
			list.add(field, secretRule, `make one: echo "whsec_$(openssl rand -base64 32)"`)
		}
		if slices.Contains(e.Secrets[:i], secret) {
			list.add(field, "is given twice", "keep one")
		}
	}
	for i, t := range e.Events {
		field := fmt.Sprintf("events[%d]", i)
		if !slices.Contains(EventTypes(), t) {
			list.add(field, "must be one of task.finished, call.ended and recording.kept", "correct it, or leave events out for all")
		}
		if slices.Contains(e.Events[:i], t) {
			list.add(field, "is given twice", "keep one")
		}
	}
	for i, account := range e.Accounts {
		field := fmt.Sprintf("accounts[%d]", i)
		if !asynqwire.IsAccount(account) {
			list.add(field, asynqwire.AccountRule, "give the name that the workers know the account by")
		}
		if slices.Contains(e.Accounts[:i], account) {
			list.add(field, "is given twice", "keep one")
		}
	}
	if e.Tasks != "" && e.Tasks != AllTasks && e.Tasks != NamedTasks {
		list.add("tasks", "must be all or named", "leave it out for all")
	}
	return list.problems
}

// longestURL is more than any receiver needs.
const longestURL = 2000

func (e Endpoint) checkURL(list *problemList) {
	const example = "write it as in https://orders.example.com/dyplsq"
	u, err := url.Parse(e.URL)
	if err != nil || u.Hostname() == "" || len(e.URL) > longestURL {
		list.add("url", fmt.Sprintf("must be a URL with a host, of %d characters at most", longestURL), example)
		return
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && e.AllowPrivate:
	case u.Scheme == "http":
		list.add("url", "must be https", `use TLS, or set "allow_private": true for a receiver in your own network`)
	default:
		list.add("url", "must be https", example)
	}
	if u.User != nil {
		list.add("url", "must not name a user", "leave it out: the signature tells the receiver who sends")
	}
	if u.Fragment != "" {
		list.add("url", "must not have a fragment", "leave out # and what follows it")
	}
	if address, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]")); err == nil {
		if err := checkAddress(address, e.AllowPrivate); err != nil {
			list.add("url", "leads to "+err.Error(), remedyOf(err))
		}
	}
}

// problemList gathers what is wrong at one place.
type problemList struct {
	place    string
	problems []dypls.Problem
}

func (l *problemList) add(field, rule, remedy string) {
	l.problems = append(
		l.problems, dypls.Problem{Field: l.place + "." + field, Rule: rule, Remedy: remedy},
	)
}
