package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// soakDoubt is how long whoever settles what is uncertain waits before looking: longer than any
// call may be out.
const soakDoubt = 15 * time.Second

// soakOwner is an application: it binds, follows all outcomes, unbinds what it has after some
// seconds, updates what it keeps, asks for recordings, and settles what is uncertain by what the
// ledger says.
type soakOwner struct {
	*systemtest.System

	pace   soakPace
	queue  *tasks.Queue
	ledger *soakLedger

	stopLoad, stop func()

	mu       sync.Mutex
	rng      *rand.Rand
	next     int
	free     []dypls.Phone          // X to be named
	freed    map[string]dypls.Phone // by the task of the unbind
	open     map[string]time.Time   // what was taken and has no final outcome yet
	told     map[string]soakTold
	requests map[string]dypls.BindAXNRequest // of binds that are open
	standing []dypls.UnbindSubscriptionRequest
	kinds    map[string]int           // of final outcomes
	slowest  map[string]time.Duration // from enqueue to final outcome
	settled  int
	doubts   sync.WaitGroup
}

// soakTold is what an outcome said.
type soakTold struct {
	tasks.State

	Code, subsID string
}

func startOwner(t *testing.T, s *systemtest.System, pace soakPace, seed uint64) *soakOwner {
	t.Helper()
	o := &soakOwner{
		System: s, pace: pace, queue: queuetest.New(t, tasks.Config{Client: s.Redis.AppClient(t), Retention: time.Minute}), ledger: newSoakLedger(s.Simulator),
		rng: rand.New(rand.NewPCG(seed, 1)), free: dyplstest.Numbers("171", soakNumbers), open: map[string]time.Time{},
		told: map[string]soakTold{}, requests: map[string]dypls.BindAXNRequest{}, kinds: map[string]int{},
		freed: map[string]dypls.Phone{}, slowest: map[string]time.Duration{},
	}
	t.Cleanup(func() { _ = o.queue.Close() })
	ctx, stop := context.WithCancel(t.Context())
	var following, loading sync.WaitGroup
	following.Go(func() {
		err := o.queue.Follow(ctx, "soak", "owner", func(_ context.Context, outcome tasks.Outcome) error {
			o.take(t, outcome) //nolint:contextcheck // what it enqueues is taken, whatever becomes of following
			return nil
		})
		if ctx.Err() == nil {
			t.Errorf("follow: %v", err)
		}
	})
	o.stop = sync.OnceFunc(func() { stop(); following.Wait(); o.doubts.Wait() })
	load, unload := context.WithCancel(t.Context())
	for what, perSecond := range map[string]int{"bind": pace.binds, "update": pace.updates, "link": pace.links} {
		loading.Go(func() {
			o.every(load, time.Second/time.Duration(perSecond), func() { o.one(t, what) }) //nolint:contextcheck // what is begun is enqueued
		})
	}
	loading.Go(func() { o.every(load, time.Second, func() { o.ledger.read(t) }) })
	o.stopLoad = sync.OnceFunc(func() { unload(); loading.Wait() })
	t.Cleanup(func() { o.stopLoad(); o.stop() })
	return o
}

func (*soakOwner) every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// one enqueues the next task of a kind.
func (o *soakOwner) one(t *testing.T, what string) {
	t.Helper()
	o.mu.Lock()
	o.next++
	n := o.next
	id := fmt.Sprint(what, "-", n)
	switch what {
	case "bind":
		request := dypls.BindAXNRequest{PoolKey: systemtest.ChosenPool, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", n)), Expiration: dypls.At(time.Now().Add(24 * time.Hour))}
		if n%2 == 0 && len(o.free) > 0 {
			request.PoolKey, request.PhoneNoX, o.free = systemtest.NamedPool, o.free[0], o.free[1:]
		}
		o.requests[id] = request
		o.mu.Unlock()
		enqueueSoak(t, o, tasks.BindAXN, id, request)
	case "update":
		if len(o.standing) == 0 {
			o.mu.Unlock()
			return
		}
		of := o.standing[o.rng.IntN(len(o.standing))]
		o.mu.Unlock()
		enqueueSoak(t, o, tasks.UpdateSubscription, id, dypls.UpdateSubscriptionRequest{
			PoolKey: of.PoolKey, SubsID: of.SubsID, PhoneNoX: of.SecretNo, OperateType: dypls.UpdateNoB, PhoneNoB: dypls.Phone(fmt.Sprintf("138%08d", n)),
		})
	default:
		o.mu.Unlock()
		enqueueSoak(t, o, tasks.QueryRecordFileDownloadURL, id, dypls.QueryRecordFileDownloadURLRequest{
			PoolKey: systemtest.ChosenPool, CallID: id, CallTime: dypls.At(time.Now().Add(-time.Hour)),
		})
	}
}

func enqueueSoak[Req dypls.Request, Res any](t *testing.T, o *soakOwner, kind tasks.Kind[Req, Res], id string, request Req, options ...tasks.Option) {
	t.Helper()
	o.mu.Lock()
	o.open[id] = time.Now()
	o.mu.Unlock()
	if _, err := kind.Enqueue(t.Context(), o.queue, request, append(options, tasks.TaskID(id))...); err != nil {
		t.Errorf("enqueue %s: %v", id, err)
	}
}

// take is given every outcome, some of them twice.
func (o *soakOwner) take(t *testing.T, outcome tasks.Outcome) {
	t.Helper()
	var result struct {
		SubsID   string `json:"SubsId"`
		SecretNo dypls.Phone
	}
	_ = json.Unmarshal(outcome.Result, &result) // none but that of a bind has them
	o.mu.Lock()
	before, known := o.told[outcome.ID]
	now := soakTold{outcome.State, outcome.Code, result.SubsID}
	if known && before.State != tasks.StateUncertain && before != now {
		t.Errorf("%s was told as %s %s, and as %s %s", outcome.ID, before.State, before.subsID, now.State, now.subsID)
	}
	again := known && before == now
	o.told[outcome.ID] = now
	if outcome.State == tasks.StateUncertain {
		o.mu.Unlock()
		if !again {
			o.doubts.Go(func() { o.settle(t, outcome.ID) })
		}
		return
	}
	if again {
		o.mu.Unlock()
		return
	}
	o.slowest[outcome.Action] = max(o.slowest[outcome.Action], time.Since(o.open[outcome.ID]).Round(time.Second))
	delete(o.open, outcome.ID)
	o.kinds[outcome.Action+" "+string(outcome.State)]++
	if x, named := o.freed[outcome.ID]; named {
		delete(o.freed, outcome.ID)
		o.free = append(o.free, x)
	}
	request, bound := o.requests[outcome.ID]
	delete(o.requests, outcome.ID)
	o.mu.Unlock()
	if bound && outcome.State == tasks.StateSucceeded {
		o.own(t, request, dypls.UnbindSubscriptionRequest{PoolKey: request.PoolKey, SubsID: result.SubsID, SecretNo: result.SecretNo}, outcome.ID)
	}
}

// own has a binding unbound after some seconds, or keeps it.
func (o *soakOwner) own(t *testing.T, request dypls.BindAXNRequest, unbind dypls.UnbindSubscriptionRequest, id string) {
	t.Helper()
	const often = 10
	o.mu.Lock()
	if len(o.standing) < o.pace.standing && o.rng.IntN(often) == 0 {
		o.standing = append(o.standing, unbind)
		o.mu.Unlock()
		return
	}
	life := time.Duration(1+o.rng.IntN(5)) * time.Second
	if request.PhoneNoX != "" {
		o.freed["un"+id] = request.PhoneNoX
	}
	o.mu.Unlock()
	enqueueSoak(t, o, tasks.UnbindSubscription, "un"+id, unbind, tasks.ProcessIn(life))
}

func (o *soakOwner) unbindStanding(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	standing := o.standing
	o.pace.standing, o.standing = 0, nil
	o.mu.Unlock()
	for i, unbind := range standing {
		enqueueSoak(t, o, tasks.UnbindSubscription, fmt.Sprint("unbind-standing-", i), unbind)
	}
}

// settle does what a person would: looks whether the call took effect, and says so.
func (o *soakOwner) settle(t *testing.T, id string) {
	t.Helper()
	select {
	case <-t.Context().Done():
		return
	case <-time.After(soakDoubt):
	}
	o.ledger.read(t)
	resolution := tasks.ResolveRetry("the owner")
	found, bound := o.ledger.result(id)
	if bound {
		resolution = tasks.ResolveSucceeded(found, "the owner")
	}
	o.mu.Lock() // before: what comes of a retry is not to be noted until the doubt is forgotten
	defer o.mu.Unlock()
	err := o.queue.Resolve(t.Context(), id, resolution)
	if err != nil && !errors.Is(err, tasks.ErrNotUncertain) {
		t.Errorf("settle %s: %v", id, err)
	}
	o.settled++
	if !bound { // it is told as uncertain again, or for good
		delete(o.told, id)
	}
}

// openTasks are some of them.
func (o *soakOwner) openTasks(most int) (ids []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range o.open {
		if len(ids) < most {
			ids = append(ids, id)
		}
	}
	return ids
}

// leftOf is how many tasks of a kind have no final outcome.
func (o *soakOwner) leftOf(kind string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for id := range o.open {
		if strings.HasPrefix(id, kind) {
			n++
		}
	}
	return n
}

// String sums up what was told.
func (o *soakOwner) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d tasks: %v; %d uncertain ones settled by the owner; the slowest took %v; faults met: %v",
		len(o.told), o.kinds, o.settled, o.slowest, o.ledger.faults)
}
