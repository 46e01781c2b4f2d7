package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// endpointView is an endpoint of callbacks, and what may be done about it.
type endpointView struct {
	callbacks.Status

	State string // told, disabled, resting, failing or unlisted
	// MayReplay: it is among those of the file, whose address and secrets are known here.
	MayReplay, MayEnable bool
}

// endpointList is what the page of callbacks shows.
type endpointList struct {
	Endpoints []endpointView
	Spans     []string
	Listed    bool // a file of endpoints is known here
}

// replaySpans are how far back an endpoint may be told again: outcomes of tasks are kept for a day.
var replaySpans = []string{"15m", "1h", "6h", "24h", "168h"}

// callbacksPage shows how endpoints stand.
func callbacksPage(r *request) (answer, error) {
	all, err := r.endpoints()
	if err != nil {
		return answer{}, err
	}
	list := endpointList{Spans: replaySpans}
	may := r.may(dashboard.RoleOperate)
	for _, s := range all {
		list.Listed = list.Listed || s.Listed
		list.Endpoints = append(list.Endpoints, endpointView{
			Status: s, MayReplay: may && s.Listed,
			MayEnable: may && (!s.DisabledAt.IsZero() || !s.ResumesAt.IsZero()),
		})
	}
	for i := range list.Endpoints {
		list.Endpoints[i].State = stateOfEndpoint(list.Endpoints[i].Status, list.Listed)
	}
	return answer{page: "callbacks", data: list, live: listEvery}, nil
}

// endpoints are those that are known here, or were told within the last week.
func (r *request) endpoints() ([]callbacks.Status, error) {
	if r.console.Callbacks == nil {
		return nil, nil
	}
	return r.console.Callbacks.Statuses(r.Context())
}

func stateOfEndpoint(s callbacks.Status, listed bool) string {
	switch {
	case !s.DisabledAt.IsZero():
		return "disabled"
	case !s.ResumesAt.IsZero():
		return "resting"
	case s.Failing > 0:
		return "failing"
	case listed && !s.Listed:
		return "unlisted"
	}
	return "told"
}

var errNoEndpoint error = problem{status: http.StatusNotFound, text: "problem.endpoint"}

// enableEndpoint has an endpoint told again that is disabled, or rests.
func enableEndpoint(r *request) (answer, error) {
	return r.changeEndpoint(audit.CallbacksEnable, "done.enabled", nil,
		func(ctx context.Context, name string) (map[string]string, error) {
			return nil, r.console.Callbacks.Enable(ctx, name)
		})
}

// replayEndpoint tells an endpoint again of what happened, and of all that failed or was given up.
func replayEndpoint(r *request) (answer, error) {
	back, err := time.ParseDuration(r.field("since"))
	if err != nil || !slices.Contains(replaySpans, r.field("since")) {
		return answer{}, badField("since", errors.New("one of those on the page"))
	}
	return r.changeEndpoint(audit.CallbacksReplay, "done.replayed",
		map[string]string{"since": r.field("since")},
		func(ctx context.Context, name string) (map[string]string, error) {
			n, err := r.console.Callbacks.Replay(ctx, name, r.console.Now().Add(-back))
			return map[string]string{"sent": strconv.Itoa(n)}, err
		})
}

func (r *request) changeEndpoint(
	action, done string,
	detail map[string]string,
	does func(context.Context, string) (map[string]string, error),
) (answer, error) {
	name, reason := r.field("endpoint"), r.field("reason")
	if reason == "" {
		return answer{}, errReason
	}
	known, err := r.endpoints()
	if err != nil {
		return answer{}, err
	}
	if !slices.ContainsFunc(known, func(s callbacks.Status) bool { return s.Endpoint == name }) {
		return answer{}, errNoEndpoint
	}
	entry := audit.Entry{
		By: r.by(), Via: audit.Console, Action: action, Target: name, Reason: reason, Detail: detail,
	}
	err = r.console.Audit.Do(r.Context(), entry, func(ctx context.Context) (map[string]string, error) {
		return does(ctx, name)
	})
	if errors.Is(err, callbacks.ErrUnknownEndpoint) {
		return answer{}, errNoEndpoint
	}
	return answer{to: link("callbacks"), done: done}, err
}
