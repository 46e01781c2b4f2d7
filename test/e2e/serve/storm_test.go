package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	clients = 64
	secret  = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// storm is a form of the test.
type storm struct {
	tasks     int
	posting   time.Duration // how long it takes at least to post them
	killEvery time.Duration // the server and Redis in turn
	kills     int           // at least
	within    time.Duration
}

// theStorm is short, unless make faults asks for the whole one.
func theStorm() storm {
	if systemtest.WholeFaults() {
		return storm{tasks: 20_000, posting: time.Minute, killEvery: 4 * time.Second, kills: 10, within: 15 * time.Minute}
	}
	return storm{tasks: 500, posting: 6 * time.Second, killEvery: time.Second, kills: 4, within: 5 * time.Minute}
}

// TestPostedTasksInAStorm: many clients post tasks, each under a key of its own, while the server
// and Redis are killed in turn, and repeat what is not answered. Each task is performed once, its
// outcome is fetched, and a callback of it arrives with a signature that fits.
func TestPostedTasksInAStorm(t *testing.T) {
	t.Parallel()
	form := theStorm()
	s := systemtest.New(t, dyplstest.Config{
		Pools:       []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", form.tasks)}},
		LedgerLimit: -1,
	}, "--appendonly", "yes", "--appendfsync", "always")
	inbox := listen(t, secret)
	tokens, token := newToken(t, s, "enqueue,read,numbers")
	endpoints := systemtest.TempFile(t, fmt.Sprintf(
		`{"endpoints":[{"name":"shop","url":%q,"secrets":[%q],"events":["task.finished"],"allow_private":true}]}`, inbox.URL, secret))
	address := systemtest.FreeAddress(t)
	serve := func() *systemtest.Process {
		return systemtest.Start(t, s.Env, "serve", "--serve-listen", address, "--tokens", tokens, "--callbacks", endpoints)
	}
	server, worker := serve(), s.Worker(t)
	redistest.Poll(t, systemtest.StartWithin, "the API to be served", server.Wrote("serving the API"))

	ctx, cancel := context.WithTimeout(t.Context(), form.within)
	defer cancel()
	began := time.Now()
	posting := newApplication(t, address, token).postAll(ctx, form)
	kills := 0
	redistest.Poll(t, form.within, "the storm to be over", func(context.Context) error {
		if time.Since(began) > time.Duration(kills+1)*form.killEvery && posting.posted.Load() < int64(form.tasks) {
			if kills++; kills%2 == 0 {
				s.Redis.Restart(t) //nolint:contextcheck // it has its own
			} else {
				server.Kill(t)
				systemtest.NoNumbers(t, "the log of the server", server.Text())
				server = serve()
			}
		}
		select {
		case <-posting.over:
			return nil
		default:
			return fmt.Errorf("%d of %d posted", posting.posted.Load(), form.tasks)
		}
	})
	for _, err := range posting.failed {
		t.Error(dypls.Scrub(err.Error()))
	}
	fetched := time.Since(began)
	redistest.Poll(t, form.within, "each callback to arrive", func(context.Context) error {
		inbox.mu.Lock()
		defer inbox.mu.Unlock()
		if n := len(inbox.received); n < form.tasks {
			return fmt.Errorf("%d of %d", n, form.tasks)
		}
		return nil
	})
	if t.Failed() {
		return
	}
	told := time.Since(began)
	if kills < form.kills {
		t.Errorf("%d kills, less than %d: the storm was none", kills, form.kills)
	}
	inbox.holds(t, posting.outcomes)
	s.EachOnce(t, posting.outcomes)
	if n := s.Surplus(); n != 0 {
		t.Errorf("%d binds were made twice", n)
	}
	for _, p := range []*systemtest.Process{server, worker} {
		systemtest.NoNumbers(t, "the log of "+p.Cmd.Args[1], p.Text())
	}
	t.Logf("%d tasks by %d clients, %d kills, %d requests repeated; all outcomes after %s, all callbacks after %s, %d of them twice",
		form.tasks, clients, kills, posting.repeats.Load(), fetched.Round(time.Second), told.Round(time.Second), inbox.twice)
}

// newToken makes a token, and returns the file that has it.
func newToken(t *testing.T, s *systemtest.System, scopes string) (file, token string) {
	t.Helper()
	file = systemtest.TempFile(t, "")
	r := systemtest.Run(t, s.Env, "", "token", "new", "storm", "--scope", scopes, "--tokens", file)
	if r.Status != systemtest.StatusOK {
		t.Fatal(errors.New(systemtest.Tail(r.Errors)))
	}
	return file, strings.TrimSpace(r.Out)
}
