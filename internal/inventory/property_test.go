package inventory_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

// Times of the model are whole tens of minutes where something is done, and never near them where
// something ends: the seconds that a history takes make no difference.
const (
	step        = 10
	restMinutes = 65
)

// A history is a few numbers that many tasks lease, bind, lose and give back in any order, over any
// time, while one in five calls is made twice and old ones come through late. After each step Redis
// must stand as the model says.
type history struct {
	stock
	*testing.T

	random *rand.Rand
	model  model
	tasks  int
	calls  []func() error // that were made, and may be made again as echoes
	log    []string
}

func TestAnyHistory(t *testing.T) {
	t.Parallel()
	anyHistory(t, 40, nil)
}

// TestAnyHistorySealed has the same where the numbers stood in clear at first, and are sealed in
// the middle of it.
func TestAnyHistorySealed(t *testing.T) {
	t.Parallel()
	anyHistory(t, 25, sealtest.New(t))
}

func anyHistory(t *testing.T, histories uint64, keys *seal.Keys) {
	t.Helper()
	const steps = 50
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	client := redistest.Start(t).Client(t)
	for n := range histories {
		client.FlushAll(t.Context())
		random := rand.New(rand.NewPCG(seed, n))
		h := newHistory(t, stock{inventory.New(client, restMinutes*time.Minute), client}, random)
		h.WithKeys(keys)
		sealAt := random.IntN(steps)
		for i := range steps {
			if keys.On() && i == sealAt {
				h.notef("sealed")
				h.seal(t)
			}
			h.step()
			h.compare()
			if t.Failed() {
				t.Fatalf("seed %d, history %d:\n%s", seed, n, strings.Join(h.log, "\n"))
			}
		}
	}
}

func newHistory(t *testing.T, s stock, random *rand.Rand) *history {
	t.Helper()
	h := &history{stock: s, T: t, random: random, model: model{
		cooldown: restMinutes, numbers: map[dypls.Phone]*modelNumber{}, held: map[string]*modelLease{}, rests: map[string]int{},
	}}
	all := numbers(2+random.IntN(5), "北京", "上海", "")
	for _, n := range all {
		h.model.numbers[n.X] = &modelNumber{city: n.City}
	}
	s.fill(t, all)
	return h
}

func (h *history) step() {
	switch h.random.IntN(16) {
	case 0, 1, 2, 3, 4:
		h.take()
	case 5, 6, 7:
		h.settle()
	case 8, 9:
		h.refuse()
	case 10, 11:
		h.unbind()
	case 12:
		h.change()
	case 13:
		h.asideOrBack()
	case 14:
		h.pass()
	case 15:
		if len(h.calls) > 0 { // an old call comes through late
			h.notef("echo")
			if err := h.calls[h.random.IntN(len(h.calls))](); err != nil {
				h.Error(err)
			}
		}
	}
}

// call makes a call, and makes it again as one whose reply was lost is.
func (h *history) call(echoes bool, call func() error) {
	for range 1 + h.random.IntN(5)/4 {
		if err := call(); err != nil {
			h.Error(err)
		}
	}
	if echoes {
		h.calls = append(h.calls, call)
	}
}

func (h *history) any(filter func(*modelLease) bool) (string, *modelLease) {
	for _, i := range h.random.Perm(len(h.model.held)) {
		task := slices.Sorted(maps.Keys(h.model.held))[i]
		if l := h.model.held[task]; filter(l) {
			return task, l
		}
	}
	return "", nil
}

func isOpen(l *modelLease) bool    { return l.subsID == "" }
func isSettled(l *modelLease) bool { return l.subsID != "" }

func (h *history) take() {
	h.tasks++
	task := fmt.Sprint("task-", h.tasks)
	want := []inventory.Want{alone(task), pair(task, h.random.IntN(4), 4+h.random.IntN(4)), extension(task)}[h.random.IntN(3)]
	want.City = []string{"", "", "北京", "上海", "广州"}[h.random.IntN(5)]
	want.Strict = h.random.IntN(2) == 0
	if h.random.IntN(10) == 0 {
		want.X = x(h.random.IntN(len(h.model.numbers)))
	}
	swept := h.random.IntN(2) == 0
	if swept {
		h.sweep()
	}
	got, err := h.Lease(h.Context(), want)
	// something may have expired beyond what one lease tidies
	if errors.Is(err, inventory.ErrNoneFree) && !swept {
		h.sweep()
		got, err = h.Lease(h.Context(), want)
	}
	h.notef("lease %+v: %s %s, %v", want, string(got.X), got.Extension, err)
	switch {
	case errors.Is(err, inventory.ErrNoneFree):
		if free, ok := h.model.choice(want); ok {
			h.Errorf("none is free for %s, and %s is", task, string(free))
		}
		return
	case err != nil:
		h.Fatal(err)
	case want.X != "":
	case h.model.forbids(want, got) != "":
		h.Errorf("%s gets %s %s: %s", task, string(got.X), got.Extension, h.model.forbids(want, got))
	case swept && want.City != "" && h.model.numbers[got.X].city != want.City:
		strict := want
		strict.Strict = true
		if free, ok := h.model.choice(strict); ok {
			h.Errorf("%s gets another city's number, and %s of its own is free", task, string(free))
		}
	}
	if again, err := h.Lease(h.Context(), want); err != nil || again != got {
		h.Errorf("%+v, and again %+v, %v", got, again, err)
	}
	h.model.hold(want, got)
}

func (h *history) settle() {
	task, l := h.any(isOpen)
	if l == nil {
		return
	}
	l.subsID, l.until = "subs-"+task, h.model.now+h.random.IntN(20)*step+3
	h.notef("bound %s until %d", task, l.until)
	until := h.at(l.until)
	h.call(false, func() error { // made late, it would be news: the service has it again
		return h.Bound(h.Context(), inventory.Binding{
			Pool: pool, Task: task, Kind: l.want.Kind, A: l.want.A, B: l.want.B, X: l.got.X, Extension: l.got.Extension, SubsID: l.subsID, Until: until,
		})
	})
}

func (h *history) refuse() {
	task, l := h.any(isOpen)
	if l == nil {
		return
	}
	refusal := inventory.Refusal{Pool: pool, Task: task, X: l.got.X, Unperformed: h.random.IntN(2) == 0}
	h.notef("release %+v", refusal)
	h.call(true, func() error { _, err := h.Release(h.Context(), refusal); return err })
	h.model.end(task, !refusal.Unperformed, h.model.now)
}

func (h *history) unbind() {
	task, l := h.any(isSettled)
	if l == nil {
		return
	}
	h.notef("unbound %s", task)
	h.call(true, func() error { _, err := h.Unbound(h.Context(), pool, l.got.X, l.subsID); return err })
	h.model.end(task, true, h.model.now)
}

func (h *history) change() {
	task, l := h.any(isSettled)
	if l == nil {
		return
	}
	c := inventory.Change{Pool: pool, X: l.got.X, SubsID: l.subsID}
	if l.want.Kind == inventory.Pair && h.random.IntN(2) == 0 {
		moved := l.want
		moved.A = person(50 + h.tasks)
		c.A = moved.A
		h.model.rests[string(l.got.X+"|"+l.want.A)] = h.model.now + h.model.cooldown
		l.want = moved
	} else {
		until := h.model.now + h.random.IntN(20)*step + 3
		c.Until = h.at(until)
		if h.random.IntN(3) == 0 {
			h.notef("update %s: until %d, refused", task, until)
			h.refuseChange(c)
			return
		}
		l.until = until
	}
	h.notef("update %s: %+v until %d", task, c, l.until)
	h.call(false, func() error { _, err := h.Update(h.Context(), c); return err })
}

// refuseChange tells of an update before its call, which is refused.
func (h *history) refuseChange(c inventory.Change) {
	was, err := h.Prolong(h.Context(), c)
	if err != nil {
		h.Fatal(err)
	}
	if !was.IsZero() {
		h.call(false, func() error { return h.Curtail(h.Context(), c, was) })
	}
}

func (h *history) asideOrBack() {
	some := x(h.random.IntN(len(h.model.numbers)))
	n := h.model.numbers[some]
	n.aside = !n.aside && h.random.IntN(2) == 0
	h.notef("aside %s: %t", string(some), n.aside)
	h.call(false, func() (err error) {
		if n.aside {
			_, err = h.SetAside(h.Context(), pool, "isv.NO_NOT_EXIST", some)
		} else {
			_, err = h.Readmit(h.Context(), pool, some)
		}
		return err
	})
}

func (h *history) pass() {
	minutes := (1 + h.random.IntN(12)) * step
	h.Forward(time.Duration(minutes) * time.Minute)
	h.model.now += minutes
	before := len(h.model.held)
	h.model.expire()
	h.notef("now %d", h.model.now)
	if before-len(h.model.held) > 4 { // more than a lease tidies by the way, with what was left before
		h.sweep()
	}
}

func (h *history) sweep() {
	h.notef("sweep")
	if _, err := h.Sweep(h.Context(), pool); err != nil {
		h.Fatal(err)
	}
}

// at is a minute of the model on Redis' clock.
func (h *history) at(minute int) time.Time {
	return h.clock(h.T).Add(time.Duration(minute-h.model.now) * time.Minute)
}

func (h *history) compare() {
	h.audit(h.T)
	swept := h.random.IntN(2) == 0
	if swept {
		h.sweep()
	}
	holdings, err := h.Holdings(h.Context(), pool)
	if err != nil {
		h.Fatal(err)
	}
	found := 0
	for _, got := range holdings {
		want, ok := h.model.held[got.Task]
		if !ok && !swept && got.Settled() && !got.Until.After(h.clock(h.T)) {
			continue // expired, and nobody has looked yet
		}
		if !ok || got.X != want.got.X || got.Extension != want.got.Extension || got.SubsID != want.subsID {
			h.Errorf("%+v is held, want %+v", got, want)
		}
		found++
	}
	if found != len(h.model.held) {
		h.Errorf("%d leases, want %d", found, len(h.model.held))
	}
	entries, err := h.List(h.Context(), pool)
	if err != nil || len(entries) != len(h.model.numbers) {
		h.Fatalf("%d numbers, %v", len(entries), err)
	}
	counts := map[inventory.State]int{}
	for _, e := range entries {
		counts[e.State]++
		if want := h.model.state(e.X); swept && e.State != want {
			h.Errorf("%s is %s, want %s", string(e.X), e.State, want)
		}
	}
	want := inventory.Counts{
		Free: counts[inventory.Free], Resting: counts[inventory.Resting], Leased: counts[inventory.OnLease], Bound: counts[inventory.IsBound],
		Aside: counts[inventory.Aside],
	}
	if got := h.count(h.T).Counts; got != want {
		h.Errorf("counted are %+v, want %+v", got, want)
	}
}

func (h *history) notef(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}
