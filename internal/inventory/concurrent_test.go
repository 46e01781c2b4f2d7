package inventory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

// 400 tasks of each kind ask at once, each twice, in several processes.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const many = 400
	kinds := map[string]struct {
		numbers int
		want    func(i int) inventory.Want
	}{
		"alone": {many, func(i int) inventory.Want { return alone(fmt.Sprint("task-", i)) }},
		// one person in all of them
		"pair":      {many, func(i int) inventory.Want { return pair(fmt.Sprint("task-", i), 0, i+1) }},
		"extension": {1, func(i int) inventory.Want { return extension(fmt.Sprint("task-", i)) }},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) {
				s.fill(t, numbers(kind.numbers))
				told := s.askAtOnce(t, many, kind.want)
				held, byTask := map[inventory.Leased]string{}, map[string]inventory.Leased{}
				for _, leases := range told {
					for task, got := range leases {
						if other, ok := held[got]; ok && other != task {
							t.Errorf("%+v is held by %s and %s", got, task, other)
						}
						if before, ok := byTask[task]; ok && before != got {
							t.Errorf("%s holds %+v and %+v", task, got, before)
						}
						held[got], byTask[task] = task, got
					}
				}
				if len(held) != many {
					t.Errorf("%d tasks hold %d different numbers or extensions", many, len(held))
				}
			})
		})
	}
}

// askAtOnce lets each of many tasks ask twice, in several processes at once, and returns what each
// process was told.
func (s stock) askAtOnce(t *testing.T, many int, want func(i int) inventory.Want) []map[string]inventory.Leased {
	t.Helper()
	const processes = 8
	var all sync.WaitGroup
	told := make([]map[string]inventory.Leased, processes)
	for p := range processes {
		process := s.process(cooldown)
		told[p] = map[string]inventory.Leased{}
		all.Go(func() {
			for i := p / 2; i < many; i += processes / 2 { // two processes for each task
				got, err := process.Lease(t.Context(), want(i))
				if err != nil {
					t.Errorf("task %d: %v", i, err)
					continue
				}
				told[p][want(i).Task] = got
			}
		})
	}
	all.Wait()
	return told
}

// Many take, bind, lose and give back at once, on few numbers that need no rest. What a register of
// their own says is held is never handed out.
func TestStress(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]*seal.Keys{"without keys": nil, "some have keys already": sealtest.New(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stress(t, keys)
		})
	}
}

// stress gives every other process keys.
func stress(t *testing.T, keys *seal.Keys) {
	t.Helper()
	const processes, rounds, stocked = 8, 400, 6
	client := redistest.Start(t).Client(t)
	s := stock{inventory.New(client, 0), client}
	s.fill(t, numbers(stocked))
	var (
		all      sync.WaitGroup
		register = register{held: map[string]inventory.Kind{}, uses: map[dypls.Phone]map[string]inventory.Kind{}}
	)
	for p := range uint64(processes) {
		process := stock{inventory.New(client, 0), client}
		if p%2 == 1 {
			process.WithKeys(keys)
		}
		all.Go(func() { process.work(t, rand.New(rand.NewPCG(1, p)), p, rounds, &register) })
	}
	all.Wait()
	s.audit(t)
	if counts := s.count(t).Counts; counts.Free != stocked {
		t.Errorf("all is given back, and %+v", counts)
	}
}

// work takes, and gives back by all ways.
func (s stock) work(t *testing.T, random *rand.Rand, process uint64, rounds int, register *register) {
	t.Helper()
	for i := range rounds {
		task := fmt.Sprintf("task-%d-%d", process, i)
		want := []inventory.Want{alone(task), pair(task, random.IntN(4), 4+random.IntN(4)), extension(task)}[random.IntN(3)]
		got, err := s.Lease(t.Context(), want)
		if errors.Is(err, inventory.ErrNoneFree) {
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		if err := register.take(want, got); err != nil {
			t.Error(err)
		}
		if random.IntN(2) == 0 {
			register.give(want, got) // before it is given back: what comes after may be anybody's
			s.release(t, inventory.Refusal{Pool: pool, Task: task, X: got.X})
			continue
		}
		b := s.bind(t, want, got)
		register.give(want, got)
		s.unbound(t, b)
	}
}

// register is who holds what, by what each was told.
type register struct {
	mu   sync.Mutex
	held map[string]inventory.Kind                 // slots
	uses map[dypls.Phone]map[string]inventory.Kind // by task
}

func slotsOf(w inventory.Want, got inventory.Leased) []string {
	switch w.Kind {
	case inventory.Pair:
		return []string{string(got.X + "|" + w.A), string(got.X + "|" + w.B)}
	case inventory.Extension:
		return []string{string(got.X) + "|" + got.Extension}
	default:
		return []string{string(got.X)}
	}
}

func (r *register) take(w inventory.Want, got inventory.Leased) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for task, kind := range r.uses[got.X] {
		if kind != w.Kind {
			return fmt.Errorf("%s gets a number for %s that %s has for %s", w.Task, w.Kind, task, kind)
		}
	}
	for _, slot := range slotsOf(w, got) {
		if _, ok := r.held[slot]; ok {
			return fmt.Errorf("%s gets what is held: %s", w.Task, slot)
		}
		r.held[slot] = w.Kind
	}
	if r.uses[got.X] == nil {
		r.uses[got.X] = map[string]inventory.Kind{}
	}
	r.uses[got.X][w.Task] = w.Kind
	return nil
}

func (r *register) give(w inventory.Want, got inventory.Leased) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, slot := range slotsOf(w, got) {
		delete(r.held, slot)
	}
	delete(r.uses[got.X], w.Task)
}
