package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

func (s stock) seal(tb testing.TB) {
	tb.Helper()
	if err := s.Seal(tb.Context(), pool, nil); err != nil {
		tb.Fatal(err)
	}
	if n, err := s.InClear(tb.Context(), pool); n != 0 || err != nil {
		tb.Errorf("%d numbers are in clear, %v", n, err)
	}
}

// A pool is sealed while many take, bind, lose and give back at once, and the sealing is
// interrupted again and again. What a register of their own says is held is never handed out, and
// what is held is found by who holds it.
func TestSealUnderLoad(t *testing.T) {
	t.Parallel()
	const processes, rounds, stocked = 6, 250, 60
	client := redistest.Start(t).Client(t)
	s := stock{inventory.New(client, 0), client}
	s.fill(t, numbers(stocked))
	kept := map[string]inventory.Leased{}
	for i := range 90 {
		w := []inventory.Want{pair(fmt.Sprint("kept-", i), 1000+2*i, 1001+2*i), extension(fmt.Sprint("kept-", i)), alone(fmt.Sprint("kept-", i))}[i%3]
		if i%3 == 2 && i > 60 {
			continue
		}
		kept[w.Task] = s.lease(t, w)
	}
	s.WithKeys(sealtest.New(t))
	var (
		all      sync.WaitGroup
		register = register{held: map[string]inventory.Kind{}, uses: map[dypls.Phone]map[string]inventory.Kind{}}
	)
	for i := range 90 {
		w := []inventory.Want{pair(fmt.Sprint("kept-", i), 1000+2*i, 1001+2*i), extension(fmt.Sprint("kept-", i)), alone(fmt.Sprint("kept-", i))}[i%3]
		if got, ok := kept[w.Task]; ok {
			if err := register.take(w, got); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p := range uint64(processes) {
		process := stock{s.process(0), client}
		all.Go(func() { process.work(t, rand.New(rand.NewPCG(2, p)), p, rounds, &register) })
	}
	interrupted := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Seal(ctx, pool, func(int, int) { cancel() })
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		interrupted++
	}
	all.Wait()
	s.audit(t)
	t.Logf("interrupted %d times", interrupted)
	if n, err := s.InClear(t.Context(), pool); n != 0 || err != nil {
		t.Errorf("%d numbers are in clear, %v", n, err)
	}
	for task, want := range kept {
		if got, ok, err := s.Holding(t.Context(), pool, task); err != nil || !ok || got.X != want.X || got.Extension != want.Extension {
			t.Errorf("%s was told %+v, and holds %+v, %v", task, want, got, err)
		}
	}
	for i := range stocked {
		s.inClear(t, x(i))
	}
}

// meanwhile is a connection on which something happens after a command, the first time.
type meanwhile struct {
	once  *sync.Once
	after func(redis.Cmder) bool
	does  func()
}

func (m meanwhile) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if m.after(cmd) {
			m.once.Do(m.does)
		}
		return err
	}
}

func (m meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// What comes onto a number between when it is read and when it is sealed is sealed with it: people
// who rest there, and leases. Where that is more than is noted, it is read again.
func TestSealMissesNothing(t *testing.T) {
	t.Parallel()
	for name, many := range map[string]int{"some": 1, "too many": 700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			s := stock{inventory.New(server.Client(t), cooldown), server.Client(t)}
			s.fill(t, numbers(1))
			before := s.lease(t, pair("before", 1, 2))
			s.WithKeys(sealtest.New(t))
			own := server.Client(t)
			own.AddHook(meanwhile{
				once: new(sync.Once),
				after: func(cmd redis.Cmder) bool {
					return cmd.Name() == "hscan" && strings.HasSuffix(fmt.Sprint(cmd.Args()[1]), ":slots")
				},
				does: func() {
					b := s.bind(t, pair("during", 3, 4), s.lease(t, pair("during", 3, 4)))
					for _, moved := range []int{5, 6} {
						if _, err := s.Update(t.Context(), inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID, A: person(moved)}); err != nil {
							t.Error(err)
						}
					}
					s.unbound(t, b)
					s.lease(t, pair("stays", 7, 8))
					for i := range many {
						task := fmt.Sprintf("%0100d", i)
						s.lease(t, pair(task, 9, 10))
						s.release(t, inventory.Refusal{Pool: pool, Task: task, Unperformed: true})
					}
				},
			})
			s.sealedBy(t, own, before.X, 8, "before", "stays")
			s.lease(t, pair("another", 9, 10))
		})
	}
}

// Whoever has keys of which none seals uses pools of either kind, and adds to those in clear alone.
func TestKeysOfWhichNoneSealsYet(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		f := seal.NewFile("k1")
		sealing := sealtest.Keys(t, f)
		f.Active = ""
		opening := sealtest.Keys(t, f)
		ctx, v := t.Context(), inventory.New(s.client, cooldown).WithKeys(opening)
		if _, err := v.Import(ctx, pool, numbers(2)); err != nil {
			t.Fatal(err)
		}
		leased, err := inventory.New(s.client, cooldown).Lease(ctx, alone("keyless"))
		if err != nil || leased.X != x(0) && leased.X != x(1) {
			t.Errorf("%+v, %v", leased, err)
		}
		if err := v.Seal(ctx, pool, nil); err == nil {
			t.Error("a pool is sealed without an active key")
		}
		if err := inventory.New(s.client, cooldown).WithKeys(sealing).Seal(ctx, pool, nil); err != nil {
			t.Fatal(err)
		}
		before := strings.Join(s.dump(t), "\n")
		if _, err := v.Import(ctx, pool, numbers(3)); err == nil || !strings.Contains(err.Error(), "keys activate") {
			t.Errorf("numbers in clear are added to a pool that is sealed: %v", err)
		}
		if after := strings.Join(s.dump(t), "\n"); len(after) != len(before) {
			t.Error("the import changed something")
		}
		b, err := v.Lease(ctx, alone("task"))
		if err != nil || b.X == leased.X || b.X != x(0) && b.X != x(1) {
			t.Errorf("%+v, %v", b, err)
		}
		if h, ok, err := v.Holding(ctx, pool, "keyless"); err != nil || !ok || h.X != leased.X {
			t.Errorf("%+v, %v, %v", h, ok, err)
		}
	})
}

// TestSealBeginsAnewWithoutItsNotes: what is noted for a run goes an hour after its last
// step, so that one that was interrupted leaves nothing that grows. A run whose notes
// are gone reads all again.
func TestSealBeginsAnewWithoutItsNotes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := stock{inventory.New(server.Client(t), cooldown), server.Client(t)}
	s.fill(t, numbers(1))
	before := s.lease(t, pair("before", 1, 2))
	s.WithKeys(sealtest.New(t))
	const notes = "dypls:{pool:" + pool + "}:sealing"
	own := server.Client(t)
	own.AddHook(meanwhile{
		once: new(sync.Once),
		after: func(cmd redis.Cmder) bool {
			return cmd.Name() == "hscan" && strings.HasSuffix(fmt.Sprint(cmd.Args()[1]), ":slots")
		},
		does: func() {
			if left := s.client.PTTL(t.Context(), notes).Val(); left <= 0 || left > time.Hour {
				t.Errorf("the notes are kept for %s", left)
			}
			s.client.Del(t.Context(), notes) // the hour is over
			s.lease(t, pair("during", 3, 4))
		},
	})
	s.sealedBy(t, own, before.X, 4, "before", "during")
}

// A process without keys is refused by a pool that is sealed, and changes nothing.
func TestWithoutKeysSealedPoolIsRefused(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		if !s.Keys().On() {
			s.WithKeys(sealtest.New(t))
		}
		s.fill(t, numbers(3))
		b := s.bind(t, alone("task"), s.lease(t, alone("task")))
		v, ctx := inventory.New(s.client, cooldown), t.Context()
		before := strings.Join(s.dump(t), "\n")
		calls := map[string]func() error{
			"lease": func() error { _, err := v.Lease(ctx, alone("other")); return err },
			"bound": func() error { return v.Bound(ctx, b) },
			"update": func() error {
				_, err := v.Update(ctx, inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID})
				return err
			},
			"prolong": func() error {
				_, err := v.Prolong(ctx, inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID})
				return err
			},
			"unbound":    func() error { _, err := v.Unbound(ctx, pool, b.X, b.SubsID); return err },
			"knows":      func() error { _, err := v.Knows(ctx, pool, b.X, b.SubsID); return err },
			"release":    func() error { _, err := v.Release(ctx, inventory.Refusal{Pool: pool, Task: "task"}); return err },
			"forget":     func() error { return v.Forget(ctx, pool, inventory.Holding{Task: "task", X: b.X}) },
			"import":     func() error { _, err := v.Import(ctx, pool, numbers(5)); return err },
			"to another": func() error { _, err := v.Import(ctx, "FC-another", numbers(5)[3:]); return err },
			"aside":      func() error { _, err := v.SetAside(ctx, pool, "isv.NO_NOT_EXIST", x(1)); return err },
			"remove": func() error {
				_, err := v.Remove(ctx, inventory.Removal{Pool: pool, Numbers: []dypls.Phone{x(1)}})
				return err
			},
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, inventory.ErrSealed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := strings.Join(s.dump(t), "\n"); len(after) != len(before) {
			t.Error("they changed something")
		}
		if stock, err := v.Counts(ctx, pool); err != nil || stock.Bound != 1 || stock.Free != 2 {
			t.Errorf("counts need no keys: %+v, %v", stock, err)
		}
		if _, err := v.Sweep(ctx, pool); err != nil {
			t.Errorf("a sweep needs no keys: %v", err)
		}
		var missing *seal.MissingKeyError
		if _, _, err := v.Holding(ctx, pool, "task"); !errors.As(err, &missing) {
			t.Errorf("a lease is read: %v", err)
		}
	})
}

// sealedBy seals the pool through a client. Tasks hold the only X as before, with as many people,
// of whom none gets it again.
func (s stock) sealedBy(t *testing.T, client redis.UniversalClient, only dypls.Phone, people int, holders ...string) {
	t.Helper()
	if err := inventory.New(client, cooldown).WithKeys(s.Keys()).Seal(t.Context(), pool, nil); err != nil {
		t.Fatal(err)
	}
	s.audit(t)
	s.inClear(t, x(0))
	for i := 1; i <= people; i++ {
		s.none(t, pair("other", i, 100))
	}
	for _, task := range holders {
		if h, ok, err := s.Holding(t.Context(), pool, task); err != nil || !ok || h.X != only {
			t.Errorf("%s: %+v, %v, %v", task, h, ok, err)
		}
	}
}
