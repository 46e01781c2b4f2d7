package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// clockStep is by how much Redis' clock is put forward and back.
const clockStep = time.Hour

// TestRedisClockTurned: Redis' clock is put forward, or back, by an hour under load, calls out, and
// put right again later. A worker is killed right before, and some deliveries are lost, so that
// what was written by one clock is read by the other.
//
// Invariant: nothing takes effect twice and nothing is refused: every task succeeds, but for those
// left to the platform whose call was cut, no task is told two outcomes, and everything is settled
// in the time that a killed worker's tasks take without a clock that is turned.
func TestRedisClockTurned(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for claims of 20 s to lapse")
	}
	for name, first := range map[string]time.Duration{"forward and back": clockStep, "back and forward": -clockStep} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClocked(t)
			c.turn(t, first)
			c.turn(t, 0)
			c.judge(t)
		})
	}
}

// clocked is a system whose Redis has a clock that is turned.
type clocked struct {
	*systemtest.System

	clock   *redistest.Clock
	workers []*systemtest.Process
	jobs    int // enqueued so far
	cut     int // calls that kills may have cut
	settled map[string]settledTask
	updates int
	bound   tasks.Outcome // the binding that is changed
}

const (
	clockedJobs  = 60 // a round
	clockedSlots = 16
	strayJobs    = 4 // whose delivery is lost
)

func newClocked(t *testing.T) *clocked {
	t.Helper()
	redis, clock := redistest.StartWithClock(t)
	const numbers = 400
	c := &clocked{clock: clock, settled: map[string]settledTask{}, System: systemtest.NewOn(t, redis, dyplstest.Config{
		Pools: []dyplstest.Pool{
			{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", numbers)}, {Key: systemtest.NamedPool, Numbers: dyplstest.Numbers("171", numbers)},
			{Key: systemtest.ChosenPool, Numbers: dyplstest.Numbers("172", numbers)}, {Key: systemtest.OwnPool, Numbers: dyplstest.Numbers("173", numbers)},
		},
		Faults: []dyplstest.Fault{
			{Action: "BindAxn", Match: map[string]string{"PoolKey": systemtest.NamedPool}, Do: dyplstest.DropAfter, Rate: 0.1, First: 1},
			{Action: "BindAxn", Code: "isv.FLOW_LIMIT", Rate: 0.05, First: 1},
			{Action: "BindAxn", Do: dyplstest.Slow, Delay: 4 * time.Second, Performed: true, Rate: 0.5},
			{Action: "UpdateSubscription", Code: "isp.SYSTEM_ERROR", Rate: 0.2, First: 1},
		},
		LedgerLimit: -1,
	})}
	var own strings.Builder
	for _, x := range dyplstest.Numbers("173", numbers) {
		fmt.Fprintln(&own, string(x))
	}
	if r := systemtest.Run(t, c.Env, own.String(), "numbers", "import", systemtest.OwnPool, "-"); r.Status != systemtest.StatusOK {
		t.Fatalf("numbers import: exit status %d: %s", r.Status, r.Errors)
	}
	for range 2 {
		c.hire(t)
	}
	c.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(300, ""), "--id", "changed")
	c.bound = c.Outcome(t, "changed", "60s")
	return c
}

func (c *clocked) hire(t *testing.T) {
	t.Helper()
	w := systemtest.Start(t, c.Env, "worker", "--concurrency", strconv.Itoa(2*clockedSlots))
	redistest.Poll(t, systemtest.StartWithin, "the worker to be up", w.Wrote("performing tasks"))
	c.workers = append(c.workers, w)
}

// stray enqueues tasks whose deliveries are lost: the index alone knows of them.
func (c *clocked) stray(t *testing.T) (ids []string) {
	t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(c.Redis.Client(t))
	if err := inspector.PauseQueue("bind"); err != nil {
		t.Fatal(err)
	}
	ids = c.more(t, strayJobs)
	for _, id := range ids {
		if err := inspector.DeleteTask("bind", asynqwire.DeliveryID(id, 1)); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
			t.Logf("%s keeps its delivery: %v", id, err) // it was fetched ahead
		}
	}
	if err := inspector.UnpauseQueue("bind"); err != nil {
		t.Fatal(err)
	}
	return ids
}

// more enqueues binds that end within less than a step.
func (c *clocked) more(t *testing.T, jobs int) (ids []string) {
	t.Helper()
	named := dyplstest.Numbers("171", c.jobs+jobs)
	var lines strings.Builder
	for i := c.jobs; i < c.jobs+jobs; i++ {
		pool, x := systemtest.PoolOf(i), ""
		if pool == systemtest.NamedPool {
			x = fmt.Sprintf(`,"PhoneNoX":%q`, string(named[i]))
		}
		ids = append(ids, fmt.Sprint("chaos-", i))
		fmt.Fprintf(&lines, `{"TaskID":%q,"PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`+"\n", ids[len(ids)-1], pool, i, x)
	}
	c.jobs += jobs
	if r := systemtest.Run(t, c.Env, lines.String(), "enqueue", "BindAxn", "-", "--within", "20m"); r.Status != systemtest.StatusOK {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	return ids
}

// change enqueues an update of the one binding, newer than all before.
func (c *clocked) change(t *testing.T) (id string) {
	t.Helper()
	c.updates++
	id = fmt.Sprint("update-", c.updates)
	var made struct {
		SubsID   string `json:"SubsId"`
		SecretNo string
	}
	if err := json.Unmarshal(c.bound.Result, &made); err != nil {
		t.Fatal(err)
	}
	c.Enqueue(t, systemtest.StatusOK, "UpdateSubscription", fmt.Sprintf(
		`{"PoolKey":%q,"SubsId":%q,"PhoneNoX":%q,"OperateType":"updateNoB","PhoneNoB":"1580000%04d"}`,
		dyplstest.DefaultPoolKey, made.SubsID, made.SecretNo, c.updates), "--id", id)
	return id
}

// turn sets the clock while calls are out, right after a worker was killed, and waits until all
// that was enqueued before and after is settled.
func (c *clocked) turn(t *testing.T, off time.Duration) {
	t.Helper()
	ids := append(c.stray(t), c.more(t, clockedJobs)...)
	ids = append(ids, c.change(t))
	redistest.Poll(t, systemtest.StartWithin, "calls to be out", func(context.Context) error {
		if n := unanswered(c.System); n < clockedSlots {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	victim := c.workers[0]
	c.workers = c.workers[1:]
	if err := victim.Cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-victim.Done
	c.cut += 2 * clockedSlots // with those that were ready
	c.clock.Set(t, off)
	turned := time.Now()
	c.hire(t)
	ids = append(ids, c.more(t, clockedJobs)...)
	ids = append(ids, c.change(t), c.change(t))
	maps.Copy(c.settled, settledAfter(t, c.System, turned, ids...))
	t.Logf("clock %s off: %d tasks settled, the last one %.0f s after it was turned", off, len(ids), latest(c.settled).Seconds())
}

func (c *clocked) judge(t *testing.T) {
	t.Helper()
	var outcomes []tasks.Outcome
	for i := range c.jobs {
		outcomes = append(outcomes, c.settled[fmt.Sprint("chaos-", i)].Outcome)
	}
	judge(t, c.System, outcomes, c.cut)
	for i := 1; i <= c.updates; i++ {
		o := c.settled[fmt.Sprint("update-", i)]
		if last := i == c.updates; o.State != tasks.StateSucceeded && (last || o.Code != "dyplsq.Canceled") {
			t.Errorf("update %d is %s %s: %s", i, o.State, o.Code, o.Message)
		}
	}
	bindings := c.Simulator.Bindings()
	i := slices.IndexFunc(bindings, func(b dyplstest.Binding) bool {
		return strings.Contains(string(c.bound.Result), strconv.Quote(b.SubsID))
	})
	if want := fmt.Sprintf("1580000%04d", c.updates); i < 0 || string(bindings[i].PhoneNoB) != want {
		t.Errorf("calls do not reach %s", want)
	}
	var ids []string
	for id := range c.settled {
		ids = append(ids, id)
	}
	toldInStream(t, c.System, ids...)
	emptied(t, c.System, emptyAfterKill)
	c.NothingUnbound(t)
}
