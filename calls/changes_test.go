package calls

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// readChanges are the ids of calls whose changes come after an entry, and the last entry.
func readChanges(t *testing.T, s *Store, after string, most int) (ids []string, last string) {
	t.Helper()
	changed, err := s.ReadChanges(t.Context(), after, most, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changed {
		ids, last = append(ids, c.ID), c.Entry
	}
	return ids, last
}

// Whoever reads changes by a cursor gets each in its order, and hears of the next one.
func TestReadChanges(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	start, err := s.LatestEntry(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := func(id string) {
		mergeOne(t, s, dypls.TypeSecretReport, receiptsOf(id)[dypls.TypeSecretReport])
	}
	for i := range 5 {
		report(fmt.Sprint("c", i))
	}
	first, after := readChanges(t, s, start, 2)
	rest, end := readChanges(t, s, after, 10)
	if got := fmt.Sprint(first, rest); got != "[c0 c1] [c2 c3 c4]" {
		t.Errorf("%s", got)
	}
	if latest, err := s.LatestEntry(t.Context()); latest != end || err != nil {
		t.Errorf("%s is the latest, not %s: %v", latest, end, err)
	}
	if all, _ := readChanges(t, s, "", 0); len(all) != 5 {
		t.Errorf("%v", all)
	}
	heard := make(chan string, 1)
	ctx, stop := context.WithTimeout(t.Context(), within)
	defer stop()
	go func() {
		changed, err := s.ReadChanges(ctx, end, 1, time.Hour)
		heard <- fmt.Sprint(len(changed), " ", err)
	}()
	report("c5")
	if got := <-heard; got != "1 <nil>" {
		t.Errorf("heard %s", got)
	}
	for i := range 2 { // their time is over
		if err := s.redis.Del(t.Context(), callKey(fmt.Sprint("c", i))).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := readChanges(t, s, "", 1); fmt.Sprint(left) != "[c2]" {
		t.Errorf("%v", left)
	}
}

func TestReadChangesRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	_, err := s.ReadChanges(t.Context(), "c0", 1, 0)
	if invalid, ok := errors.AsType[*dypls.ValidationError](err); !ok || invalid.Problems[0].Field != "after" {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.ReadChanges(ctx, "", 1, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	_ = s.Close()
	if _, err := s.ReadChanges(t.Context(), "", 1, time.Hour); !errors.Is(err, tasks.ErrClosed) {
		t.Errorf("%v", err)
	}
}
