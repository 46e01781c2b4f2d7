package presence_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestForgottenAfterClockWentBack: a worker that is gone is not taken for one that is there because
// Redis' clock was put back by an hour.
func TestForgottenAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	client := server.AppClient(t)
	if err := presence.Announce(t.Context(), client, "gone"); err != nil {
		t.Fatal(err)
	}
	clock.Set(t, -time.Hour)
	if err := presence.Announce(t.Context(), client, "here"); err != nil {
		t.Fatal(err)
	}
	if known, err := presence.Read(t.Context(), client); err != nil || len(known.Known) != 1 || known.Known[0] != "here" {
		t.Errorf("known are %v, %v", known.Known, err)
	}
}
