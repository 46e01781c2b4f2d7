package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func ids(calls []Call) (list []string) {
	for _, c := range calls {
		list = append(list, c.ID)
	}
	return list
}

func TestListFindsCalls(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	now := time.Now()
	add := func(id, task, subs string, ago time.Duration) {
		mergeOne(t, s, dypls.TypeSecretStartReport, fmt.Sprintf(`{"call_id":%q,"out_id":%q,"sub_id":%q,"call_time":%d}`, id, task, subs, now.Add(-ago).UnixMilli()))
	}
	add("old", "t1", "1", 50*time.Hour)
	add("b", "t1", "1", 2*time.Hour)
	add("c", "t2", "2", time.Hour)
	add("d", "t2", "2", time.Minute)
	// A transcript alone, whose call was dialled nobody knows when; later its other receipts come.
	mergeOne(t, s, dypls.TypeSecretAsrReport, `{"callId":"old"}`)
	mergeOne(t, s, dypls.TypeSecretAsrReport, `{"callId":"c"}`)
	mergeOne(t, s, dypls.TypeSecretAsrReport, `{"callId":"late"}`)
	add("late", "t3", "3", 30*time.Hour)
	tests := map[string]struct {
		filter Filter
		want   []string
	}{
		"all":              {Filter{}, []string{"old", "late", "b", "c", "d"}},
		"since":            {Filter{Since: now.Add(-90 * time.Minute)}, []string{"c", "d"}},
		"of a task":        {Filter{TaskID: "t1"}, []string{"old", "b"}},
		"of a task, since": {Filter{TaskID: "t1", Since: now.Add(-3 * time.Hour)}, []string{"b"}},
		"of a binding":     {Filter{SubsID: "2"}, []string{"c", "d"}},
		"of none":          {Filter{TaskID: "t4"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, next, err := s.List(t.Context(), test.filter)
			if diff := cmp.Diff(test.want, ids(all)); diff != "" || err != nil || next != "" {
				t.Errorf("next %q, %v (-want +got):\n%s", next, err, diff)
			}
			// the same, one at a time, and the other way round
			f := test.filter
			f.Limit = 1
			if diff := cmp.Diff(test.want, idsOfAll(t, s, f)); diff != "" {
				t.Errorf("one at a time (-want +got):\n%s", diff)
			}
			slices.Reverse(test.want)
			f.NewestFirst = true
			if diff := cmp.Diff(test.want, idsOfAll(t, s, f)); diff != "" {
				t.Errorf("the newest first, one at a time (-want +got):\n%s", diff)
			}
			f.Limit = 0
			if diff := cmp.Diff(test.want, idsOfAll(t, s, f)); diff != "" {
				t.Errorf("the newest first (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := s.Get(t.Context(), "e"); !errors.Is(err, ErrUnknownCall) {
		t.Errorf("%v", err)
	}
	if _, _, err := s.List(t.Context(), Filter{Cursor: "x"}); err == nil {
		t.Error("a cursor of somebody else's is taken")
	}
}

// Many calls of one second are listed each once, page by page.
func TestListOfABusySecond(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	const n = 700
	at := time.Now().Add(-time.Hour).UnixMilli()
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"call_id":"c%04d","call_time":%d}`, i, at))
	}
	mergeOne(t, s, dypls.TypeSecretRecording, "["+strings.Join(all, ",")+"]")
	for _, newestFirst := range []bool{false, true} {
		listed := idsOfAll(t, s, Filter{Limit: 90, NewestFirst: newestFirst})
		slices.Sort(listed)
		if len(slices.Compact(listed)) != n || len(listed) != n {
			t.Errorf("%d calls were listed, want %d, each once", len(listed), n)
		}
	}
}

// idsOfAll are the ids on all pages of a list.
func idsOfAll(t *testing.T, s *Store, f Filter) (all []string) {
	t.Helper()
	for {
		page, next, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ids(page)...)
		if f.Cursor = next; next == "" {
			return all
		}
	}
}

// Each group is told of every call, and what it refused comes again.
func TestFollowTellsEachGroup(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	const n = 40
	for i := range n {
		mergeOne(t, s, dypls.TypeSecretReport, receiptsOf(fmt.Sprintf("c%d", i))[dypls.TypeSecretReport])
	}
	follow := func(name string) {
		ctx, stop := context.WithTimeout(t.Context(), within)
		defer stop()
		var mu sync.Mutex
		told := map[string]bool{}
		err := s.Follow(ctx, name, func(_ context.Context, c Call) error {
			mu.Lock()
			defer mu.Unlock()
			if told[c.ID] = c.Answered(); len(told) == n {
				stop()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || len(told) != n {
			t.Errorf("%s was told of %d calls: %v", name, len(told), err)
		}
	}
	var both sync.WaitGroup
	both.Go(func() { follow("billing") })
	both.Go(func() { follow("support") })
	both.Wait()
	for _, name := range []string{"billing", "support"} {
		if pending, err := s.redis.XPending(t.Context(), changeStream, name).Result(); err != nil || pending.Count != 0 {
			t.Errorf("%s: %v not acknowledged, %v", name, pending, err)
		}
	}
	// What was refused stays, for the time when it is offered again.
	ctx, stop := context.WithCancel(t.Context())
	_ = s.Follow(ctx, "refusing", func(_ context.Context, c Call) error {
		if c.ID == fmt.Sprintf("c%d", n-1) {
			stop()
		}
		return errors.New("not now")
	})
	if pending, err := s.redis.XPending(t.Context(), changeStream, "refusing").Result(); err != nil || pending.Count != n {
		t.Errorf("%v not acknowledged, %v", pending, err)
	}
}

// TestIDsOfCallsAreWhole: an id leads back to its call although a part of it looks like somebody's
// number; one that holds a number of the call is masked.
func TestIDsOfCallsAreWhole(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"1a18690165447a3a":       "1a18690165447a3a",
		"a15800001234bbcc":       "a158****1234bbcc",
		"call-of-18690165447":    "call-of-186****5447",
		"1869016544712345":       "1869016544712345",
		"43612633712c0000":       "43612633712c0000",
		"ABCDEF18690165447ABCDE": "ABCDEF186****5447ABCDE",
	} {
		c := Call{ID: id, PhoneNo: "15800001234"}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var shown struct {
			CallID string `json:"call_id"`
		}
		if err := json.Unmarshal(text, &shown); err != nil || shown.CallID != want {
			t.Errorf("%s is shown as %s, want %s (%v)", id, shown.CallID, want, err)
		}
	}
}
