package console

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// callView is a call as the pages show it.
type callView struct {
	calls.Call

	TaskLink, Link string // "" where the id holds a number, which an address must not
}

func callViewOf(c calls.Call) callView {
	v := callView{Call: c}
	if c.ShownID() == c.ID {
		v.Link = link("call", "id", c.ID)
	}
	if c.TaskID != "" && v.ShownTask() == c.TaskID {
		v.TaskLink = link("task", "id", c.TaskID)
	}
	return v
}

func callViewsOf(found []calls.Call) []callView {
	views := make([]callView, len(found))
	for i, c := range found {
		views[i] = callViewOf(c)
	}
	return views
}

// ShownTask is the OutId of the call's binding as people may see it.
func (v callView) ShownTask() string { return dypls.Parameter{Value: v.TaskID}.Masked() }

// State says in a word what became of the call.
func (v callView) State() string {
	switch {
	case !v.Ended && v.Answered():
		return "talking"
	case !v.Ended:
		return "open"
	case v.Answered():
		return "answered"
	}
	return "unanswered"
}

// Cause is why nobody answered, as the platform says it.
func (v callView) Cause() string {
	if !v.Ended || v.Answered() {
		return ""
	}
	return cmp.Or(dypls.UnconnectedText(v.UnconnectedCause), dypls.ReleaseText(v.ReleaseCause))
}

// Released is why the call ended, as the platform says it.
func (v callView) Released() string { return dypls.ReleaseText(v.ReleaseCause) }

// Missing tells that its recording should be kept and is not.
func (v callView) Missing() bool {
	return slices.Contains(calls.MissingRecordings(), v.Recording.State)
}

// callList is what the page of calls shows.
type callList struct {
	Task, Subs, Recording, Since string
	States, Spans                []string

	Calls    []callView
	Next     string
	Filtered bool
}

// missingState stands, among the states of recordings, for all that should be kept and are not.
const missingState = "missing"

// callsPage lists calls, those that were dialled last first.
func callsPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	list := callList{
		Task: r.field("task"), Subs: r.field("subs"), Recording: r.field("recording"),
		Since: r.field("since"),
		Spans: filterSpans,
	}
	list.Filtered = list.Task+list.Subs+list.Recording+list.Since != ""
	list.States = recordingStates()
	found, next, size, err := r.calls(list.Recording)
	if err != nil {
		return answer{}, err
	}
	list.Calls = callViewsOf(found)
	if next != "" {
		list.Next = link("calls", "task", list.Task, "subs", list.Subs, "recording", list.Recording,
			"since", list.Since, "size", strconv.Itoa(size), "cursor", next)
	}
	return answer{page: "calls", data: list, live: listEvery}, nil
}

// calls reads those that the address asks for, whose recordings are in a state.
func (r *request) calls(recording string) (found []calls.Call, next string, size int, err error) {
	if size, err = r.size(); err != nil {
		return nil, "", 0, err
	}
	filter := calls.Filter{
		TaskID: r.field("task"), SubsID: r.field("subs"), NewestFirst: true, Cursor: r.field("cursor"),
		Limit: size,
	}
	if since := r.field("since"); since != "" {
		d, err := time.ParseDuration(since)
		if err != nil || d <= 0 {
			return nil, "", 0, badField("since", errors.New("a duration such as 6h"))
		}
		filter.Since = r.console.Now().Add(-d)
	}
	switch {
	case recording == missingState:
		filter.Recording = calls.MissingRecordings()
	case recording != "" && !slices.Contains(recordingStates(), recording):
		return nil, "", 0, badField("recording", errors.New("no state of a recording"))
	case recording != "":
		filter.Recording = []calls.RecordingState{calls.RecordingState(recording)}
	}
	found, next, err = r.console.Calls.List(r.Context(), filter)
	return found, next, size, err
}

// recordingStates are those that may be asked for.
func recordingStates() []string {
	all := calls.RecordingStates()
	states := make([]string, 0, 1+len(all))
	states = append(states, missingState)
	for _, s := range all {
		states = append(states, string(s))
	}
	return states
}

// aCall is what the page of a call shows.
type aCall struct {
	callView

	Whole  bool        // numbers are shown whole
	Steps  []callStep  // what happened, in its order
	Player string      // where the recording is played from; "" until somebody asks for it
	Task   *calledTask // that made the binding; nil where it is not known
	// what may be done by whoever looks
	MayRetry, MayListen, MayLook bool
	NoArchive                    bool // there is no store to play from
}

// callStep is a moment of a call.
type callStep struct {
	Kind string // a text's key, call.step.KIND
	At   time.Time
}

// calledTask is the task that made a call's binding.
type calledTask struct{ ID, Action, State string }

// callPage tells of one call.
func callPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	c, err := r.call(r.field("id"))
	if err != nil {
		return answer{}, err
	}
	a := answer{page: "call", data: c}
	if !c.Ended || c.Recording.State == calls.RecordingFetching {
		a.live = nowEvery
	}
	return a, nil
}

// mostCallID is more than any id of a call has.
const mostCallID = 256

func (r *request) call(id string) (aCall, error) {
	if id == "" || len(id) > mostCallID {
		return aCall{}, calls.ErrUnknownCall
	}
	found, err := r.console.Calls.Get(r.Context(), id)
	if err != nil {
		return aCall{}, err
	}
	c := aCall{callView: callViewOf(found)}
	c.MayRetry = c.Missing() && c.Recording.State != calls.RecordingFetching &&
		r.may(dashboard.RoleOperate)
	c.MayLook = r.may(dashboard.RoleNumbers)
	c.NoArchive = r.console.Archive == nil
	c.MayListen = found.Recording.State == calls.RecordingKept && !c.NoArchive &&
		r.may(dashboard.RoleListen)
	for _, s := range []callStep{
		{"dialled", c.CallTime}, {"rang", c.RingTime}, {"answered", answeredAt(found)},
		{"ended", c.ReleasedAt},
		{"kept", c.Recording.KeptAt},
	} {
		if !s.At.IsZero() {
			c.Steps = append(c.Steps, s)
		}
	}
	if c.TaskLink != "" {
		views, err := r.console.Queue.Views(r.Context(), c.TaskID)
		if err != nil {
			return aCall{}, err
		}
		if v, known := views[c.TaskID]; known {
			c.Task = &calledTask{v.ID, v.Action, v.State}
		}
	}
	return c, nil
}

func answeredAt(c calls.Call) time.Time {
	if !c.Answered() {
		return time.Time{}
	}
	return c.StartTime
}

// wholeCall shows a call with whole numbers, for whoever may see them. Each look is a line of the
// audit.
func wholeCall(r *request) (answer, error) {
	c, err := r.call(r.field("id"))
	if err != nil {
		return answer{}, err
	}
	if err = r.console.Audit.Add(r.Context(), audit.Entry{
		By: r.by(), Via: audit.Console, Action: audit.NumbersShow, Target: c.ID,
		Reason: r.field("reason"),
	}); err != nil {
		return answer{}, err
	}
	c.Whole = true
	return answer{page: "call", data: c}, nil
}

// Numbers are the call's, by the texts that name them; whole where they may be.
func (c aCall) Numbers() []pair {
	var all []pair
	for _, n := range []struct {
		name   string
		number dypls.Phone
	}{{"a", c.PhoneNo}, {"x", c.SecretNo}, {"extension", c.Extension}, {"peer", c.PeerNo}} {
		if n.number == "" {
			continue
		}
		shown := n.number.Masked()
		if c.Whole {
			shown = string(n.number)
		}
		all = append(all, pair{"call." + n.name, shown})
	}
	return all
}
