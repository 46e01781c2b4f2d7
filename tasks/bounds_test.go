package tasks_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func unbinding() dypls.UnbindSubscriptionRequest {
	return dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}
}

// A time that nobody can mean is refused on either side, whichever way a program gives it.
func TestTimesAreBoundedOnBothSides(t *testing.T) {
	t.Parallel()
	s, now := onMiniredis(t), time.Now()
	const day = 24 * time.Hour
	unbind := func(options ...tasks.Option) error {
		_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbinding(), options...)
		return err
	}
	record := func(callTime time.Time, options ...tasks.Option) error {
		request := recording()
		request.CallTime = dypls.At(callTime)
		_, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, request, options...)
		return err
	}
	bind := func(expiration time.Time) error {
		request := axn()
		request.Expiration = dypls.At(expiration)
		_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request)
		return err
	}
	tests := map[string]struct {
		err  error
		want string // of the problem, as it begins; "" for none
	}{
		"in a year":                          {unbind(tasks.ProcessIn(366 * day)), ""},
		"in 292 years":                       {unbind(tasks.ProcessIn(2562047 * time.Hour)), "ProcessIn must be 0s to 366 days"},
		"in less than no time":               {unbind(tasks.ProcessIn(-1)), "ProcessIn must be 0s to 366 days"},
		"at a time of next month":            {unbind(tasks.ProcessAt(now.Add(31 * day))), ""},
		"at a time of 2319":                  {unbind(tasks.ProcessAt(now.AddDate(293, 0, 0))), "ProcessAt must be at most 366 days ahead"},
		"at a time made from the wrong unit": {unbind(tasks.ProcessAt(time.Unix(now.UnixMilli(), 0))), "ProcessAt must be at most 366 days ahead"},
		"at a time of an hour ago":           {unbind(tasks.ProcessAt(now.Add(-time.Hour))), ""},
		"at a time of 1970":                  {unbind(tasks.ProcessAt(time.Unix(now.Unix()/1000, 0))), "ProcessAt must be less than 24h0m0s ago: its time is over"},
		"within a year":                      {unbind(tasks.Within(366 * day)), ""},
		"within 292 years":                   {unbind(tasks.Within(2562047 * time.Hour)), "Within must be 1ms to 366 days"},
		"within less than no time":           {unbind(tasks.Within(-1)), "Within must be 1ms to 366 days"},
		"both too far": {unbind(tasks.ProcessIn(367*day), tasks.Within(367*day)),
			"2 problems: ProcessIn must be 0s to 366 days: leave it out to start at once, or enqueue it nearer to its time; Within must be 1ms to 366 days"},
		"bound until 2099": {bind(time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)), ""},
		"bound until 9999": {bind(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)), "Expiration must be at most 100 years ahead"},
		// by the API's clock, which is a little ahead
		"a call of a moment ago":      {record(now.Add(2 * time.Minute)), ""},
		"a call of 2030":              {record(now.AddDate(4, 0, 0)), "CallTime must not lie in the future: that call has not happened"},
		"a call that will have been":  {record(now.Add(time.Hour), tasks.ProcessIn(2*time.Hour)), "CallTime must not lie in the future"},
		"a call of the last century":  {record(now.AddDate(-40, 0, 0)), "CallTime must be less than 30 days before"},
		"a call of an hour ago, soon": {record(now.Add(-time.Hour), tasks.ProcessIn(20*time.Minute)), ""},
	}
	for name, test := range tests {
		if test.want == "" && test.err != nil || test.want != "" && (test.err == nil || !strings.HasPrefix(test.err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, test.err, test.want)
		}
	}
}

// What was enqueued in its time may be asked for again at any time, however late.
func TestTimesOfAKnownKeyAreNotCheckedAgain(t *testing.T) {
	t.Parallel()
	s, now := onMiniredis(t), time.Now()
	request := recording()
	request.CallTime = dypls.At(now.Add(time.Hour)) // of a clock that is an hour ahead
	again := func() error {
		_, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, request, tasks.TaskID("ahead"), tasks.ProcessAt(now.Add(time.Hour)))
		return err
	}
	tasks.SetClock(s.queue, func() time.Time { return now.Add(2 * time.Hour) })
	if err := again(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{now, now.AddDate(-3, 0, 0), now.AddDate(3, 0, 0)} {
		tasks.SetClock(s.queue, func() time.Time { return at })
		if err := again(); err != nil {
			t.Errorf("at %s: %v", at, err)
		}
	}
}

// What comes along when an id is pasted is named, in every place that takes one.
func TestSpacesAroundIDsAreNamed(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	for text, where := range map[string]string{"order-42\n": "behind it", "\u00a0order-42": "in front of it (U+00A0, which hardly shows)", "order\u200b-42": "within it (U+200B, which hardly shows)"} {
		_, id := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.TaskID(text))
		_, account := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.Account(text))
		_, bindTask := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf(text))
		for field, err := range map[string]error{"TaskID": id, "Account": account, "BindTaskID": bindTask} {
			if want := field + " must not contain white space: remove the space " + where; err == nil || err.Error() != want {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
		}
		if err := tasks.CheckID(text); err == nil || !strings.Contains(err.Error(), "remove the space "+where) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := tasks.CheckID("order-42"); err != nil {
		t.Error(err)
	}
}

// A producer that starts again computes its times again: it is told why its own key is refused.
func TestKeyReusedWithAComputedTime(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	s.enqueue(t, tasks.TaskID("k"))
	later, elsewhere := axn(), axn()
	later.Expiration = dypls.At(inAnHour.Add(time.Second))
	elsewhere.PoolKey = "FC2"
	const hint = "A time that is computed anew"
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, later, tasks.TaskID("k")); !errors.Is(err, tasks.ErrKeyReused) || !strings.Contains(err.Error(), hint) {
		t.Errorf("another time: %v", err)
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, elsewhere, tasks.TaskID("k")); !errors.Is(err, tasks.ErrKeyReused) || strings.Contains(err.Error(), hint) {
		t.Errorf("another pool: %v", err)
	}
}

// A look-up that may have run twice has changed nothing: there is nothing to warn of.
func TestExplainOfALookUpKnowsNoEffect(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	request := recording()
	request.CallTime = dypls.At(time.Now().Add(-time.Hour))
	if _, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, request, tasks.TaskID("look-up")); err != nil {
		t.Fatal(err)
	}
	s.enqueue(t, tasks.TaskID("bind"))
	for id, want := range map[string]bool{"look-up": false, "bind": true} {
		s.settle(t, id, record.Ending{State: record.Waiting, Code: "isp.SYSTEM_ERROR", Class: "Unavailable", MayHaveRun: true})
		if e := s.explain(t, id); e.MayHaveRun != want {
			t.Errorf("%s: may have run: %t", id, e.MayHaveRun)
		}
	}
}
