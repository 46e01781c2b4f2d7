package dashboard

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// buttonAction begins the name of what a button of asynqmon's does, in the audit.
const buttonAction = "asynq."

// lineOf is a line of the audit about what somebody does here.
func lineOf(ctx context.Context, action, target string) audit.Entry {
	return audit.Entry{
		By: cmp.Or(AccessOf(ctx).User, "nobody"), Via: audit.Asynqmon, Action: buttonAction + action,
		Target: target,
	}
}

// auditedAtOnce is how many tasks a button concerns are written down together, before any of them
// is changed.
const auditedAtOnce = 100

// pressAll does to tasks what a button says, each after its line of the audit. It ends where a line
// cannot be written, and where whoever asked has gone. pressed is the error of the last one.
func (a *actions) pressAll(
	ctx context.Context, b button,
) (done, refused []string, pressed, err error) {
	done, refused = []string{}, []string{}
	for ids := range slices.Chunk(b.ids, auditedAtOnce) {
		lines := make([]audit.Entry, len(ids))
		for i, id := range ids {
			lines[i] = lineOf(ctx, b.verb, cmp.Or(asynqwire.IDOfDelivery(id), id))
		}
		written, err := a.audit.AddAll(ctx, lines)
		if err != nil {
			return done, refused, nil, errors.Join(audit.ErrNotWritten, err)
		}
		var seconds []audit.Entry
		for i, id := range ids {
			if pressed = ctx.Err(); pressed == nil { // who asked has not gone
				pressed = a.press(ctx, b, id)
			}
			if pressed == nil {
				done = append(done, id)
				continue
			}
			refused = append(refused, id)
			seconds = append(seconds, lines[i].Second(written[i], nil, pressed))
		}
		_, _ = a.audit.AddAll(context.WithoutCancel(ctx), seconds) // the first ones stand
		if ctx.Err() != nil {
			break
		}
	}
	return done, refused, pressed, nil
}

// passOn sends asynqmon what concerns no task alone, as a queue's pause, after its line.
func (a *actions) passOn(w http.ResponseWriter, r *http.Request) {
	what := strings.TrimPrefix(r.URL.Path, "/api/queues/")
	queue, action, _ := strings.Cut(what, ":")
	if action == "" {
		action = strings.ToLower(r.Method)
	}
	noted := &statusNote{ResponseWriter: w, status: http.StatusOK}
	line := lineOf(r.Context(), action, queue)
	err := a.audit.Do(r.Context(), line, func(context.Context) (map[string]string, error) {
		a.next.ServeHTTP(noted, r)
		if noted.status >= http.StatusBadRequest {
			return nil, errors.New("answered with " + strconv.Itoa(noted.status))
		}
		return nil, nil //nolint:nilnil // there is no more to tell
	})
	if errors.Is(err, audit.ErrNotWritten) {
		unavailable(w, err)
	}
}
