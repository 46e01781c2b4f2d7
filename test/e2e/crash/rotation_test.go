package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// rotation is a system whose keys change while it works.
type rotation struct {
	*systemtest.System

	file    string
	workers []*systemtest.Process
	ended   []*systemtest.Process // killed
	each    int                   // binds of a batch
	made    int
	named   []dypls.Phone
}

// TestRotationUnderLoad: keys change twice while tasks are enqueued and performed, workers are
// killed, and so is what seals anew. Nothing fails to open, each bind is made once, and in the end
// the newest key has sealed all: the others are dropped, and every result is read without them. In
// its short form, no worker is killed: what a killed one leaves in doubt is looked up only after a
// quarter of a minute.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const batches, each = 3, 60
	named, owned := dyplstest.Numbers("171", batches*each), dyplstest.Numbers("173", batches*each)
	r := &rotation{each: each, named: named, file: filepath.Join(t.TempDir(), "keys.json")}
	r.System = systemtest.New(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: systemtest.NamedPool, Numbers: named}, {Key: systemtest.OwnPool, Numbers: owned}},
		Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 30 * time.Millisecond}}, LedgerLimit: -1,
	}, "--appendonly", "yes", "--appendfsync", "always")
	r.command(t, "", "keys", "new", r.file, "--id", "k1")
	r.command(t, "", "keys", "activate", r.file, "k1")
	r.Env = append(r.Env, "DYPLSQ_KEYS_FILE="+r.file)
	var numbers bytes.Buffer
	for _, x := range owned {
		fmt.Fprintln(&numbers, string(x))
	}
	r.command(t, numbers.String(), "numbers", "import", systemtest.OwnPool, "-")
	r.awaitLeases(t)
	for range 2 {
		r.workers = append(r.workers, systemtest.Start(t, r.Env, "worker", "--concurrency", "8"))
	}
	r.enqueue(t)
	for n, id := range []string{"k2", "k3"} {
		performed := n*each + each/3
		redistest.Poll(t, time.Minute, "a part of the batch", systemtest.Until(func() bool { return r.BindCalls() >= performed }))
		r.rotate(t, id, n)
	}
	outcomes := r.outcomes(t)
	r.EachOnce(t, outcomes)
	r.expectNewest(t)
	for _, p := range append(r.ended, r.workers...) {
		for line := range systemtest.Lines(p.Text()) {
			for _, word := range []string{"does not open", "ndecryptable", "keys broken"} {
				if strings.Contains(line, word) {
					t.Errorf("a worker logged: %s", line)
				}
			}
		}
	}
	for i, o := range r.outcomes(t) { // by the newest key alone
		if string(o.Result) != string(outcomes[i].Result) {
			t.Errorf("%s: it was told %s, and now %s", o.ID, outcomes[i].Result, o.Result)
		}
	}
}

// awaitLeases waits until a bind without a number provably was not sent. Soon after an
// import it may have been sent without one, so that one whose worker is killed before it
// has a number is uncertain.
func (r *rotation) awaitLeases(t *testing.T) {
	t.Helper()
	client := r.Redis.AppClient(t)
	v := inventory.New(client, inventory.DefaultCooldown)
	redistest.Poll(t, time.Minute, "the inventory to be known to all", func(ctx context.Context) error {
		since, known, err := v.LeasedSince(ctx, systemtest.OwnPool)
		now, failed := client.Time(ctx).Result()
		if err = errors.Join(err, failed); err == nil && (!known || now.Before(since)) {
			err = errors.New("not yet")
		}
		return err
	})
}

// command runs a command that must succeed.
func (r *rotation) command(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if done := systemtest.Run(t, r.Env, stdin, args...); done.Status != systemtest.StatusOK {
		t.Fatalf("dyplsq %s: exit status %d: %s", strings.Join(args, " "), done.Status, done.Errors)
	}
}

// enqueue enqueues a batch, half of which names its X.
func (r *rotation) enqueue(t *testing.T) {
	t.Helper()
	var lines strings.Builder
	for range r.each {
		pool, x := systemtest.OwnPool, ""
		if r.made%2 == 0 {
			pool, x = systemtest.NamedPool, fmt.Sprintf(`,"PhoneNoX":%q`, string(r.named[r.made]))
		}
		fmt.Fprintf(&lines, `{"TaskID":"job-%d","PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`+"\n", r.made, pool, r.made, x)
		r.made++
	}
	r.EnqueueBatch(t, "BindAxn", lines.String())
}

// rotate has another key seal, and all sealed anew, beside workers, producers and deaths.
func (r *rotation) rotate(t *testing.T, id string, victim int) {
	t.Helper()
	r.command(t, "", "keys", "new", r.file, "--add", "--id", id)
	r.command(t, "", "keys", "activate", r.file, id)
	proxy := startFaultProxy(t, r.Redis)
	half := proxy.hold(beforeReply, stepReseal, "job-0")
	cut := systemtest.Start(t, proxy.through(r.Env), "keys", "rotate")
	half.await(t)
	r.enqueue(t)
	cut.Kill(t)
	if !testing.Short() {
		r.workers[victim].Kill(t)
		r.ended = append(r.ended, r.workers[victim])
		r.workers[victim] = systemtest.Start(t, r.Env, "worker", "--concurrency", "8")
	}
	systemtest.Run(t, r.Env, "", "keys", "rotate") // workers may seal by the key of before for 2 s
}

// outcomes waits for all of them, as a producer that has read the file of keys just now.
func (r *rotation) outcomes(t *testing.T) []tasks.Outcome {
	t.Helper()
	keys, err := tasks.KeysFromFile(t.Context(), r.file)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := tasks.New(tasks.Config{Client: r.Redis.AppClient(t), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	ids := make([]string, r.made)
	for i := range ids {
		ids[i] = fmt.Sprint("job-", i)
	}
	var outcomes []tasks.Outcome
	redistest.Poll(t, settledIn, "all outcomes", func(ctx context.Context) (err error) {
		if outcomes, err = queue.Outcomes(ctx, ids...); err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.State == tasks.StatePending {
				return fmt.Errorf("%s is pending", o.ID)
			}
		}
		return nil
	})
	for _, o := range outcomes {
		if o.State != tasks.StateSucceeded || o.Undecryptable != "" {
			t.Errorf("%s is %s %s: %s %s", o.ID, o.State, o.Code, o.Message, o.Undecryptable)
		}
	}
	return outcomes
}

// expectNewest seals anew until the newest key has sealed all, and drops the others.
func (r *rotation) expectNewest(t *testing.T) {
	t.Helper()
	redistest.Poll(t, time.Minute, "all to be sealed by the newest key", func(context.Context) error {
		rotated := systemtest.Run(t, r.Env, "", "keys", "rotate") //nolint:contextcheck // the process has the test's own
		if rotated.Status != systemtest.StatusOK {
			return fmt.Errorf("exit status %d: %s", rotated.Status, rotated.Errors)
		}
		return nil
	})
	r.command(t, "", "keys", "status")
	for _, id := range []string{"k1", "k2"} {
		r.command(t, "", "keys", "drop", r.file, id)
	}
}
