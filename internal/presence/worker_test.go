package presence_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestWorkersAreForgotten: a worker is known with its settings until it leaves, or, where it cannot
// say so, until a minute has passed since it announced itself last; two of one host and process are
// two.
func TestWorkersAreForgotten(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	client := server.AppClient(t)
	worker := func(id, value string) presence.Worker {
		w := presence.Worker{Name: "host:1", ID: id, Settings: map[string]string{"A": value, "B": "2"}}
		if err := presence.AnnounceWorker(t.Context(), client, w); err != nil {
			t.Fatal(err)
		}
		return w
	}
	want := func(what string, want ...presence.Worker) {
		t.Helper()
		got, err := presence.Workers(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Transformer("byID", func(all []presence.Worker) map[string]presence.Worker {
			byID := map[string]presence.Worker{}
			for _, w := range all {
				byID[w.ID] = w
			}
			return byID
		})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	one, two := worker("one", "1"), worker("two", "3")
	worker("one", "1")
	want("both are known, each once", one, two)
	if err := presence.Leave(t.Context(), client, one); err != nil {
		t.Fatal(err)
	}
	want("one has left", two)
	clock.Set(t, 2*presence.Fresh)
	want("the other has said nothing for long")
	worker("three", "4")
	clock.Set(t, -time.Hour)
	want("the clock was put back")
	four := worker("four", "4")
	want("a new one by that clock", four)
	if left := server.Client(t).PTTL(context.Background(), "dypls:workers").Val(); left <= 0 || left > presence.Fresh {
		t.Errorf("what nobody notes again lives for %s", left)
	}
}
