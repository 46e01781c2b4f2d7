package tasks_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	s, now := onMiniredis(t), time.Now()
	stopped := func() time.Time { return now } // however long it takes until a case has its turn
	of2018 := queuetest.New(t, tasks.Config{Client: s.client, RecordingRetention: 14 * 24 * time.Hour})
	tasks.SetClock(s.queue, stopped)
	tasks.SetClock(of2018, stopped)
	const day = 24 * time.Hour
	in := func(d time.Duration) dypls.Time { return dypls.At(now.Add(d)) }
	bind := func(expires time.Duration) func(o ...tasks.Option) (string, error) {
		return func(o ...tasks.Option) (string, error) {
			request := axn()
			request.Expiration = in(expires)
			return queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, request, o...))
		}
	}
	unbind := func(o ...tasks.Option) (string, error) {
		return queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}, o...))
	}
	change := func(expires time.Duration) func(o ...tasks.Option) (string, error) {
		return func(o ...tasks.Option) (string, error) {
			request := update()
			if expires > 0 {
				request.Expiration = in(expires)
			}
			return queuetest.ID(tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, request, o...))
		}
	}
	record := func(q *tasks.Queue) func(o ...tasks.Option) (string, error) {
		return func(o ...tasks.Option) (string, error) {
			request := recording()
			request.CallTime = in(-day)
			return queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), q, request, o...))
		}
	}
	tests := map[string]struct {
		enqueue func(o ...tasks.Option) (string, error)
		options []tasks.Option
		want    time.Duration // from now
	}{
		"bind: 90 s before it expires":             {bind(time.Hour), nil, time.Hour - 90*time.Second},
		"bind: within":                             {bind(time.Hour), []tasks.Option{tasks.Within(10 * time.Second)}, 10 * time.Second},
		"bind: within, but it expires before":      {bind(time.Hour), []tasks.Option{tasks.Within(2 * time.Hour)}, time.Hour - 90*time.Second},
		"bind: within, from the scheduled time":    {bind(time.Hour), []tasks.Option{tasks.ProcessIn(20 * time.Minute), tasks.Within(time.Minute)}, 21 * time.Minute},
		"bind: scheduled, expires all the same":    {bind(time.Hour), []tasks.Option{tasks.ProcessIn(20 * time.Minute)}, time.Hour - 90*time.Second},
		"unbind: a day":                            {unbind, nil, day},
		"unbind: a day from the scheduled time":    {unbind, []tasks.Option{tasks.ProcessAt(now.Add(time.Hour))}, day + time.Hour},
		"unbind: within":                           {unbind, []tasks.Option{tasks.Within(time.Minute)}, time.Minute},
		"update: a day":                            {change(0), nil, day},
		"update: before the new expiration":        {change(time.Hour), nil, time.Hour - 90*time.Second},
		"update: a day, where it expires later":    {change(2 * day), nil, day},
		"recording: as long as the API keeps it":   {record(s.queue), nil, 29 * day},
		"recording: within":                        {record(s.queue), []tasks.Option{tasks.Within(time.Hour)}, time.Hour},
		"recording: of the document of 2018":       {record(of2018), nil, 13 * day},
		"recording: 20 minutes after, then a week": {record(s.queue), []tasks.Option{tasks.ProcessIn(20 * time.Minute), tasks.Within(7 * day)}, 7*day + 20*time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := test.enqueue(test.options...)
			if err != nil {
				t.Fatal(err)
			}
			// what is written in seconds on the wire is up to one second early
			if off := s.deadline(t, id).Sub(now.Add(test.want)); off <= -time.Second || off > 0 {
				t.Errorf("%s off", off)
			}
		})
	}
}

// TestNoTimeLeft: what could only expire is refused, and says which parameter it is.
func TestNoTimeLeft(t *testing.T) {
	t.Parallel()
	s, now := onMiniredis(t), time.Now()
	bind, record := axn(), recording()
	bind.Expiration, record.CallTime = dypls.At(now.Add(80*time.Second)), dypls.At(now.AddDate(0, 0, -31))
	_, bindErr := tasks.BindAXN.Enqueue(t.Context(), s.queue, bind)
	_, recordErr := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, record)
	for field, err := range map[string]error{"Expiration": bindErr, "CallTime": recordErr} {
		invalid, ok := errors.AsType[*dypls.ValidationError](err)
		if !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
