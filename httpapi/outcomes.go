package httpapi

import (
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// collectAgain is how often it is looked, while a request waits, for what another one was given and
// did not acknowledge.
const collectAgain = 10 * time.Second

// collected are outcomes, each with the entry that acknowledges it.
type collected struct {
	Outcomes []entryAndOutcome `json:"outcomes"`
}

type entryAndOutcome struct {
	Entry   string        `json:"entry"`
	Outcome tasks.Outcome `json:"outcome"`
}

// collectOutcomes hands out what a group has not acknowledged, and waits for some where it is asked
// to.
func (a *API) collectOutcomes(e *exchange) error {
	q := e.query("group", "max", "wait")
	group, most := q.values.Get("group"), q.integer("max", listed, listedUsually)
	wait := q.duration("wait", longestWait)
	if group == "" {
		q.refuse("group", "is required", "name the service that collects")
	}
	if err := q.err(); err != nil {
		return err
	}
	if err := e.work(); err != nil {
		return err
	}
	if wait > 0 {
		defer a.outcomesFeed.follow()()
	}
	for until := time.Now().Add(wait); ; {
		more := a.outcomesFeed.more() // before it is looked: a wake-up is a hint
		told, err := e.collect(group, most)
		if err != nil {
			return err
		}
		left := time.Until(until)
		if len(told) > 0 || left <= 0 || a.serving.Err() != nil {
			return e.answer(http.StatusOK, e.collected(told))
		}
		if err := e.pause(min(left, collectAgain), more); err != nil {
			return err
		}
	}
}

func (e *exchange) collect(group string, most int) ([]tasks.Told, error) {
	ctx, cancel := e.ask()
	defer cancel()
	return e.api.queue.Collect(ctx, group, most)
}

func (e *exchange) collected(told []tasks.Told) collected {
	c := collected{Outcomes: make([]entryAndOutcome, len(told))}
	for i, one := range told {
		c.Outcomes[i] = entryAndOutcome{one.Entry, e.shown(one.Outcome)}
	}
	return c
}

// pause waits for news, for a while.
func (e *exchange) pause(d time.Duration, more <-chan struct{}) error {
	resume, err := e.wait(d)
	if err != nil {
		return err
	}
	ctx, cancel := e.whileServing(d)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-more:
	}
	if err := e.r.Context().Err(); err != nil {
		_ = resume()
		return err
	}
	return resume()
}

// acknowledged is how many entries were, that had not been before.
type acknowledged struct {
	Acknowledged int `json:"acknowledged"`
}

// acknowledge takes outcomes off what a group is given.
func (a *API) acknowledge(e *exchange) error {
	body, err := e.posted(e.query(), maxBody)
	if err != nil {
		return err
	}
	group, entries, err := decodeAcknowledgement(body)
	if err != nil {
		return err
	}
	ctx, cancel := e.ask()
	defer cancel()
	n, err := a.queue.Acknowledge(ctx, group, entries...)
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, acknowledged{n})
}

func decodeAcknowledgement(data []byte) (group string, entries []string, err error) {
	const most = 1000
	var named *string
	problems := problemsOf(dypls.DecodeObject(data,
		dypls.Extra{Name: "group", Into: &named}, dypls.Extra{Name: "entries", Into: &entries}))
	if isUnreadable(problems) {
		return "", nil, &dypls.ValidationError{Problems: problems}
	}
	if (named == nil || *named == "") && !isAbout(problems, "group") {
		problems = append(problems, dypls.Problem{
			Field: "group", Rule: "is required", Remedy: "name the service that collects",
		})
	}
	if (len(entries) == 0 || len(entries) > most) && !isAbout(problems, "entries") {
		problems = append(problems, dypls.Problem{
			Field: "entries", Rule: "must be 1 to 1000 entries",
			Remedy: "give those that came with the outcomes",
		})
	}
	if len(problems) > 0 {
		return "", nil, &dypls.ValidationError{Problems: problems}
	}
	return *named, entries, nil
}
