package receipts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// storm is a form of the test.
type storm struct {
	calls     int
	placing   time.Duration // how long it takes to place them
	killEvery time.Duration
	freezeAt  time.Duration // Redis stands still from here on
	frozen    time.Duration
	killAt    time.Duration // Redis is killed
	config    dyplstest.Receipts
}

// theStorm is short, unless make faults asks for the whole one. In that the platform's patience is
// a sixth of its own, as Redis is away for a minute and not for ten.
func theStorm() storm {
	if systemtest.WholeFaults() {
		return storm{
			calls: 10_000, placing: 3 * time.Minute, killEvery: 5 * time.Second,
			freezeAt: 20 * time.Second, frozen: time.Minute, killAt: 2 * time.Minute,
			config: dyplstest.Receipts{
				Again:        []time.Duration{10 * time.Second, 50 * time.Second, 100 * time.Second},
				AnswerWithin: 5 * time.Second, LateBy: 15 * time.Second, Visibility: 30 * time.Second,
			},
		}
	}
	return storm{
		calls: 500, placing: 10 * time.Second, killEvery: 2 * time.Second,
		freezeAt: 2 * time.Second, frozen: 3 * time.Second, killAt: 7 * time.Second,
		// A machine under load, on which receivers are started anew, is slower
		// than the service's patience.
		config: dyplstest.Receipts{Again: slices.Repeat([]time.Duration{2 * time.Second}, 60), AnswerWithin: 10 * time.Second, LateBy: 2 * time.Second, Visibility: 2 * time.Second},
	}
}

// TestReceiptsOfCallsInAStorm: calls whose receipts come by HTTP and in queues, a fifth of them
// twice, some late or in the opposite order; two receivers are killed in turn, Redis stands still
// for a while, and is killed. Each call has one record with all of its receipts: nothing that was
// answered or deleted is lost, and all arrives. The recording of each that was answered is kept
// once, as the service has it.
func TestReceiptsOfCallsInAStorm(t *testing.T) {
	t.Parallel()
	form, at := theStorm(), []string{systemtest.FreeAddress(t), systemtest.FreeAddress(t)}
	front := balancer(t, at)
	push := func(kind string) string { return front + "/receipts/" + secret + "/" + kind }
	const scale = 0.01
	config := form.config
	config.Push = map[string]string{"SecretStartReport": push("SecretStartReport"), "SecretReport": push("SecretReport")}
	config.Queues = map[string]string{"SecretReport": reportQueue, "SecretRecording": recordingQueue}
	config.Duplicates, config.Late, config.OutOfOrder = 0.2, 0.05, 0.05
	for i := range config.Again {
		config.Again[i] = time.Duration(float64(config.Again[i]) / scale) // it is told by the clock of calls
	}
	config.LateBy = time.Duration(float64(config.LateBy) / scale)
	l := newLine(t, dyplstest.Config{Calls: dyplstest.Calls{Scale: scale}, Receipts: config})
	l.recording = calls.RecordingKept
	root := t.TempDir()
	queues := "SecretReport=" + reportQueue + ",SecretRecording=" + recordingQueue
	file := systemtest.TempFile(t, secret)
	receiver := func(n int) *systemtest.Process {
		return systemtest.Start(t, l.Env, "receive", "--receipts-queue", queues, "--receipts-listen", at[n], "--receipts-secret-file", file,
			"--archive", "file://"+root, "--archive-parallel", "8", "--archive-retry", "1s")
	}
	worker := l.Worker(t) // it asks for links
	receivers := []*systemtest.Process{receiver(0), receiver(1)}
	for _, p := range receivers {
		redistest.Poll(t, systemtest.StartWithin, "the receiver to listen", p.Wrote("receiving receipts"))
	}

	began := time.Now()
	placed, kills, frozen, thawed, redisKilled := 0, 0, false, false, false
	redistest.Poll(t, form.placing+systemtest.StartWithin, "the storm to be over", func(context.Context) error {
		now := time.Since(began)
		for due := min(form.calls, int(float64(form.calls)*float64(now)/float64(form.placing))); placed < due; placed++ {
			l.place(t, placed) //nolint:contextcheck // a call outlives who places it
		}
		if now > time.Duration(kills+1)*form.killEvery {
			victim := kills % len(receivers)
			receivers[victim].Kill(t)
			systemtest.NoNumbers(t, "a receiver's log", receivers[victim].Text())
			receivers[victim] = receiver(victim)
			kills++
		}
		switch {
		case !frozen && now > form.freezeAt:
			l.Redis.Freeze(t)
			frozen = true
		case frozen && !thawed && now > form.freezeAt+form.frozen:
			l.Redis.Thaw(t)
			thawed = true
		case thawed && !redisKilled && now > form.killAt:
			l.Redis.Restart(t) //nolint:contextcheck // it has its own
			redisKilled = true
		}
		if placed < form.calls || !redisKilled {
			return fmt.Errorf("%d calls, Redis was killed: %t", placed, redisKilled)
		}
		return nil
	})
	if kills == 0 {
		t.Error("no receiver was killed")
	}
	sent := l.allSent(t)
	arrived := time.Since(began)
	l.noneMissing(t)
	complete := time.Since(began)
	l.eachHasOneRecord(t, sent)
	kept, unfinished := l.RecordingsKept(t, root)
	for _, p := range append(receivers, worker) {
		systemtest.NoNumbers(t, "the log of "+p.Cmd.Args[1], p.Text())
	}
	t.Logf("%d calls, %d kills of receivers, all arrived %s after the first: %s", placed, kills, arrived.Round(time.Second), figures(sent))
	t.Logf("%d recordings kept %s after the first call, %d unfinished files of receivers that were killed", kept, complete.Round(time.Second), unfinished)
}

// noneMissing waits until no recording is missing, and none is listed by the command.
func (l *line) noneMissing(t *testing.T) {
	t.Helper()
	store := l.Calls(t)
	redistest.Poll(t, within, "all recordings to be kept", seldom(func(ctx context.Context) error {
		missing, err := store.MissingRecordings(ctx)
		if err != nil || missing.Tried == 0 {
			return err
		}
		listed, _, err := store.List(ctx, calls.Filter{Recording: calls.MissingRecordings()})
		err = errors.Join(fmt.Errorf("%d are not", missing.Tried), err)
		for _, c := range listed[:min(len(listed), 3)] {
			err = errors.Join(err, fmt.Errorf("%s: %s %s", c.ID, c.Recording.State, c.Recording.Reason))
		}
		return err
	}))
	r := systemtest.Run(t, l.Env, "", "recordings", "list", "--json")
	if r.Status != systemtest.StatusOK || r.Out != "" {
		t.Errorf("recordings list: exit status %d, %s%s", r.Status, systemtest.Tail(r.Out), r.Errors)
	}
}

// balancer stands in front of receivers, and hands each push to one that takes connections.
func balancer(t *testing.T, receivers []string) (url string) {
	t.Helper()
	var turn atomic.Int64
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
			for range receivers {
				conn, err = new(net.Dialer).DialContext(ctx, network, receivers[int(turn.Add(1))%len(receivers)])
				if err == nil {
					return conn, nil
				}
			}
			return nil, err
		},
	}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "receivers" },
	})
	t.Cleanup(func() {
		front.Close()
		transport.CloseIdleConnections()
	})
	return front.URL
}

// within is how long it may take until all has come of calls that are over.
const within = 8 * time.Minute

// allSent waits until each receipt of each call was sent, and all have arrived. Of one that is sent
// twice the second may come later: nothing depends on it.
func (l *line) allSent(t *testing.T) []dyplstest.Receipt {
	t.Helper()
	want := 0
	for _, c := range l.Simulator.Calls() {
		want += 3 // it was dialled, and its end by both ways
		if c.Recorded {
			want++
		}
	}
	redistest.Poll(t, within, "each receipt to be sent", seldom(func(context.Context) error {
		n := 0
		for _, r := range l.Simulator.Receipts() {
			if !r.Duplicate {
				n++
			}
		}
		if n < want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	}))
	return l.allArrived(t, within)
}

// figures are what the storm was to receipts.
func figures(sent []dyplstest.Receipt) string {
	var twice, late, disordered, again, refused, takenAgain int
	for _, r := range sent {
		twice += one(r.Duplicate)
		late += one(r.Late)
		disordered += one(r.OutOfOrder)
		again += one(len(r.Pushes) > 1)
		refused += max(len(r.Pushes)-1, 0)
		takenAgain += one(r.Fetched > 1)
	}
	return fmt.Sprintf("%d receipts, %d of them twice, %d late, %d in the opposite order; %d were pushed again after %d pushes that failed, %d taken again from their queue",
		len(sent), twice, late, disordered, again, refused, takenAgain)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
