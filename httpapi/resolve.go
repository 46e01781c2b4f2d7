package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// resolution is what a body says about a task that is held as uncertain.
type resolution struct {
	as     *string
	result json.RawMessage
	by     *string
}

// resolve settles an uncertain task.
func (a *API) resolve(e *exchange) error {
	if err := e.begin(e.query()); err != nil {
		return err
	}
	body, err := e.body(maxBody)
	if err != nil {
		return err
	}
	change := Change{Action: ChangeResolve, ID: e.id, Token: e.token.Name}
	settled, err := decodeResolution(body, &change)
	if err != nil {
		return err
	}
	ctx, cancel := e.ask()
	defer cancel()
	err = a.audit(ctx, change, func(ctx context.Context) error {
		return a.queue.Resolve(ctx, e.id, settled)
	})
	if errors.Is(err, tasks.ErrNotUncertain) {
		return e.conflict(problem(notUncertain))
	}
	if err != nil {
		return err
	}
	return e.tellOutcome()
}

// decodeResolution reads what is said, by the token of the change unless it says by whom, and
// completes the change.
func decodeResolution(data []byte, change *Change) (tasks.Resolution, error) {
	var r resolution
	problems := problemsOf(dypls.DecodeObject(data,
		dypls.Extra{Name: "as", Into: &r.as},
		dypls.Extra{Name: "result", Into: &r.result},
		dypls.Extra{Name: "by", Into: &r.by},
	))
	refuse := func(field, rule, remedy string) {
		problems = append(problems, dypls.Problem{Field: field, Rule: rule, Remedy: remedy})
	}
	by := change.Token
	if r.by != nil {
		if by = *r.by; !isName(by) {
			refuse("by", "must be 1-100 characters, and hold no telephone number", "name who says so, or leave it out")
		}
	}
	var settled tasks.Resolution
	switch {
	case r.as == nil:
		if !isAbout(problems, "as") {
			refuse("as", "is required", "write failed, retry or succeeded")
		}
	case *r.as == "failed":
		settled = tasks.ResolveFailed(by)
	case *r.as == "retry":
		settled = tasks.ResolveRetry(by)
	case *r.as == "succeeded":
		settled = tasks.ResolveSucceeded(r.result, by)
		if r.result == nil && !isAbout(problems, "result") {
			refuse("result", "is required", `write what the API would have answered, such as {"SubsId":"...","SecretNo":"..."}`)
		}
	default:
		refuse("as", "must be failed, retry or succeeded", "write one of them")
	}
	if r.result != nil && (r.as == nil || *r.as != "succeeded") {
		refuse("result", "goes with succeeded alone", "leave it out")
	}
	if problems != nil {
		return settled, &dypls.ValidationError{Problems: problems}
	}
	change.By, change.As = by, *r.as
	return settled, nil
}

// isName reports whether logs and pages may show a text as somebody's name.
func isName(text string) bool {
	const most = 100
	return text != "" && utf8.RuneCountInString(text) <= most && dypls.Scrub(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
