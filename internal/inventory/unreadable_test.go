package inventory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

// spoiled are ways in which sealed numbers do not open. Each replaces what is sealed.
var spoiled = map[string]func(sealed []string) []string{
	"its key is missing": func(sealed []string) []string { return sealed },
	"a bit is flipped": func(sealed []string) []string {
		for i, s := range sealed {
			sealed[i] = s[:len(s)-1] + string(s[len(s)-1]^1)
		}
		return sealed
	},
	"they are swapped": func(sealed []string) []string { return append(sealed[1:], sealed[0]) },
	"they are emptied": func(sealed []string) []string { return make([]string, len(sealed)) },
}

func (s stock) spoil(t *testing.T, how func(sealed []string) []string) {
	t.Helper()
	key := inventory.Key(pool, "sealed")
	var handles, sealed []string
	for handle, value := range s.client.HGetAll(t.Context(), key).Val() {
		handles, sealed = append(handles, handle), append(sealed, value)
	}
	for i, value := range how(sealed) {
		if err := s.client.HSet(t.Context(), key, handles[i], value).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func unreadable(t *testing.T, what string, err error) {
	t.Helper()
	if _, is := errors.AsType[*inventory.UnreadableError](err); !is || !strings.Contains(err.Error(), pool) {
		t.Errorf("%s: %v", what, err)
	}
}

// Where a number does not open, its task keeps it and is told so each time; the sweep settles its
// lease all the same, and importing the number seals it anew.
func TestUnreadableNumber(t *testing.T) {
	t.Parallel()
	for name, how := range spoiled {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redistest.Start(t).Client(t)
			file := seal.NewFile("k1")
			s := stock{inventory.New(client, cooldown).WithKeys(sealtest.Keys(t, file)), client}
			s.fill(t, numbers(2))
			held := s.lease(t, alone("held"))
			other := seal.NewFile("k2")
			other.Hash = file.Hash
			if s.spoil(t, how); name == "its key is missing" {
				s.WithKeys(sealtest.Keys(t, other))
			}
			for _, task := range []string{"held", "new", "held", "new"} {
				_, err := s.Lease(t.Context(), alone(task))
				unreadable(t, task, err)
			}
			if n := s.count(t); n.Leased != 2 {
				t.Errorf("%+v", n)
			}
			s.none(t, alone("third"))
			_, _, err := s.Holding(t.Context(), pool, "held")
			unreadable(t, "holding", err)
			s.settleUnread(t, "new")
			report, err := s.Check(t.Context(), pool)
			if err != nil || report.Unreadable != 2 || report.Checked != 2 {
				t.Errorf("%+v, %v", report, err)
			}
			unreadable(t, "check", report.First)

			if done, err := s.Import(t.Context(), pool, numbers(2)); err != nil || done.Known != 2 {
				t.Errorf("%+v, %v", done, err)
			}
			if got := s.lease(t, alone("held")); got != held {
				t.Errorf("%+v, and sealed anew %+v", held, got)
			}
			if report, err := s.Check(t.Context(), pool); err != nil || report.Unreadable != 0 {
				t.Errorf("%+v, %v", report, err)
			}
			s.audit(t)
		})
	}
}

// settleUnread settles the lease of a task that has failed, among two that do not open.
func (s stock) settleUnread(t *testing.T, task string) {
	t.Helper()
	s.Forward(time.Minute)
	unsettled := 0
	err := s.Unsettled(t.Context(), pool, time.Second, func(h inventory.Holding) error {
		unsettled++
		if h.Task != task {
			return nil
		}
		end := inventory.End{Task: h.Task, Ask: inventory.Ask{PoolKey: pool, Kind: inventory.Alone}, Unperformed: true}
		return s.Settle(t.Context(), end.On(h))
	})
	unreadable(t, "unsettled", err)
	if n := s.count(t); unsettled != 2 || n.Leased != 1 || n.Free != 1 {
		t.Errorf("%d, then %+v", unsettled, n)
	}
}
