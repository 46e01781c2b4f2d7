package record_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// A crowd are some tasks to which anything happens in any order. Whatever did, lists have exactly
// the records that there are, each under its state and code.
type crowd struct {
	server
	*testing.T
	random  *rand.Rand
	left    record.Store // leaves its outcomes to a teller that never comes to tell them
	runs    int
	fences  map[string]int64
	pruning record.Pruning
	log     []string
}

const crowdSize = 12

var crowdCodes = []string{"isv.A", "isv.B", "dyplsq.NoAnswer", "weird code/ü " + strings.Repeat("x", 80)}

func TestListsAreWhatTheRecordsAre(t *testing.T) {
	t.Parallel()
	const steps, every = 400, 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onEachServer(t, func(t *testing.T, s server) {
		_, left := record.NewTeller(s.store)
		c := crowd{server: s, T: t, random: rand.New(rand.NewPCG(seed, 1)), left: left, fences: map[string]int64{}}
		for n := range steps {
			c.step()
			if n%every == 0 {
				c.tellRest()
				c.compare()
			}
			if t.Failed() {
				t.Fatalf("seed %d:\n%s", seed, strings.Join(c.log, "\n"))
			}
		}
	})
}

func (c *crowd) step() {
	id, store := fmt.Sprint("task-", c.random.IntN(crowdSize)), c.store
	if c.random.IntN(4) == 0 {
		store = c.left
	}
	ctx, code := c.Context(), crowdCodes[c.random.IntN(len(crowdCodes))]
	var err error
	what := ""
	switch c.random.IntN(12) {
	case 0, 1:
		what = "create"
		task := record.New{ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint}
		switch c.random.IntN(4) {
		case 0:
			task.Handover = &record.Handover{Script: nowhere, Channel: "news"}
			task.ProcessAt = time.Now().Add(time.Hour)
		case 1, 2:
			task.Handover = &record.Handover{Script: nowhere}
		}
		_, err = store.Create(ctx, []*record.New{&task})
	case 2, 3:
		what = "begin"
		c.runs++
		var begun record.Begun
		begun, err = store.Begin(ctx, record.Run{
			ID: id, Run: fmt.Sprint("run-", c.runs), Lease: long, MaxAttempts: 6, MaxCrashes: 1, Keep: keep,
		})
		if begun.Fence > 0 {
			c.fences[id] = begun.Fence
		}
	case 4, 5, 6:
		what = "finish"
		states := []record.State{record.Succeeded, record.Failed, record.Uncertain, record.Waiting}
		e := bound(id, c.fences[id], "1000")
		if e.State = states[c.random.IntN(len(states))]; e.State != record.Succeeded {
			e = record.Ending{ID: id, Fence: e.Fence, State: e.State, Code: code, Counts: true, Sent: true}
		}
		e.Keep = keep
		_, err = store.Finish(ctx, e)
	case 7:
		what = "reopen"
		_, err = store.Reopen(ctx, id, "ops")
	case 8:
		what = "cancel"
		_, err = store.Cancel(ctx, id, keep)
	case 9:
		what = "reject"
		err = store.Reject(ctx, record.Rejection{ID: id, Action: "BindAxn", Code: code, Keep: keep})
	case 10:
		what = "resolve"
		states := []record.State{record.Succeeded, record.Failed, record.Queued}
		r := resolved(id, states[c.random.IntN(len(states))])
		r.Keep = keep
		_, _, err = store.Resolve(ctx, r)
	case 11:
		switch c.random.IntN(4) {
		case 0:
			what = "expire"
			err = c.client.Del(ctx, record.Key(id)).Err()
		case 1:
			what = "lapse"
			if c.read(c.T, id).State.Running() {
				err = c.client.HSet(ctx, record.Key(id), "claim_until", 1).Err()
			}
		case 2:
			what = "prune"
			_, err = c.store.Prune(ctx, &c.pruning, 0)
		case 3:
			what = "visit"
			err = c.visit(id)
		}
	}
	c.log = append(c.log, fmt.Sprint(what, " ", id))
	if err != nil {
		c.Errorf("%s %s: %v", what, id, err)
	}
}

// nowhere hands nothing over.
var nowhere = record.NewHandoverScript("return 1")

// visit does what the reaper does of a record whose delivery is alive.
func (c *crowd) visit(id string) error {
	opened, err := c.store.Opened(c.Context(), id)
	if err != nil || opened[0].State == "" || opened[0].State.Told() {
		return err
	}
	now := c.now(c.T)
	due := record.Due{Now: now.Add(24 * time.Hour), Open: opened}
	return c.store.Defer(c.Context(), due, []record.Next{{ID: id, At: now.Add(10 * time.Minute)}})
}

// tellRest does what the reaper does of outcomes that nobody told.
func (c *crowd) tellRest() {
	for id := range c.indexed(c.T) {
		opened, err := c.store.Opened(c.Context(), id)
		if err != nil {
			c.Fatal(err)
		}
		if opened[0].State.Told() {
			if err := c.store.Tell(c.Context(), opened); err != nil {
				c.Fatal(err)
			}
			c.client.ZRem(c.Context(), record.IndexKey(id), id)
		}
	}
}

// compare lists all, and each state and code, in pages of any size.
func (c *crowd) compare() {
	c.Helper()
	all := map[string]string{}
	for _, key := range c.client.Keys(c.Context(), "dypls:{*").Val() {
		id := strings.TrimSuffix(strings.TrimPrefix(key, "dypls:{"), "}")
		r := c.read(c.T, id)
		all[id] = fmt.Sprint(r.State, " ", r.Code)
	}
	c.same("all", all, record.Selection{})
	codes := map[string]bool{"": true, "isv.NONE": true}
	for _, is := range all {
		_, code, _ := strings.Cut(is, " ")
		codes[code] = true
	}
	for _, state := range []record.State{
		record.Queued, record.Calling, record.Waiting, record.Succeeded, record.Failed, record.Uncertain,
	} {
		for code := range codes {
			some := map[string]string{}
			for id, is := range all {
				if s, of, _ := strings.Cut(is, " "); s == string(state) && (code == "" || of == code) {
					some[id] = is
				}
			}
			c.same(fmt.Sprint(state, " ", code), some, record.Selection{States: []record.State{state}, Code: code})
		}
	}
}

func (c *crowd) same(what string, want map[string]string, sel record.Selection) {
	c.Helper()
	sel.Most = 1 + c.random.IntN(2*crowdSize)
	got := map[string]string{}
	for _, r := range c.listAll(c.T, sel) {
		if _, twice := got[r.ID]; twice {
			c.Errorf("%s: %s is listed twice", what, r.ID)
		}
		got[r.ID] = fmt.Sprint(r.State, " ", r.Code)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("%s (-want +got):\n%s", what, diff)
	}
	c.searchesTheSame(what, want, sel)
}

// searchesTheSame compares what a search hands on, and what it says there is at the most.
func (c *crowd) searchesTheSame(what string, want map[string]string, sel record.Selection) {
	c.Helper()
	got := map[string]string{}
	all, err := c.store.Search(c.Context(), sel, func(r record.Found) bool {
		if _, twice := got[r.ID]; twice {
			c.Errorf("%s: %s is found twice", what, r.ID)
		}
		got[r.ID] = fmt.Sprint(r.State, " ", r.Code)
		return true
	})
	if diff := cmp.Diff(want, got); diff != "" || !all || err != nil {
		c.Errorf("search %s: all %t, %v (-want +got):\n%s", what, all, err, diff)
	}
	if most, err := c.store.AtMost(c.Context(), sel); err != nil || most < int64(len(want)) {
		c.Errorf("%s: %d at the most, though there are %d: %v", what, most, len(want), err)
	}
}

// listAll reads all pages of a list, and checks that they are in order.
func (s server) listAll(t *testing.T, sel record.Selection) (all []record.Record) {
	t.Helper()
	for {
		found, next, err := s.store.List(t.Context(), sel)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > sel.Most {
			t.Errorf("%d in a page, want %d at most", len(found), sel.Most)
		}
		all = append(all, found...)
		if sel.From = next; next == (record.Position{}) {
			return all
		}
	}
}

// What is gone leaves the catalog, and what stays keeps its entries, however long it is kept.
func TestPrune(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const many = 300
		for n := range many {
			id := fmt.Sprint("k", n)
			s.create(t, id)
			s.finish(t, rejected(id, s.call(t, id, "run").Fence))
			if n%3 > 0 {
				s.client.Del(t.Context(), record.Key(id))
			}
		}
		s.hold(t, "held")
		s.hold(t, "settled")
		s.resolve(t, resolved("settled", record.Succeeded), record.Uncertain, 0)
		s.prune(t, time.Hour)
		if n := s.entries(t); n != 3*many+2*3 {
			t.Errorf("%d entries, want all: none is old", n)
		}
		s.prune(t, 0)
		if n := s.entries(t); n != 3*many/3+3+1 {
			t.Errorf("%d entries are left", n)
		}
		if got := s.listAll(t, record.Selection{Most: 1000}); len(got) != many/3+2 {
			t.Errorf("%d are listed", len(got))
		}
	})
}

func (s server) prune(t *testing.T, keep time.Duration) {
	t.Helper()
	var p record.Pruning
	for more := true; more; {
		var err error
		if more, err = s.store.Prune(t.Context(), &p, keep); err != nil {
			t.Fatal(err)
		}
	}
}

// entries counts those of the whole catalog.
func (s server) entries(t *testing.T) (n int64) {
	t.Helper()
	for _, pattern := range []string{"dypls:tasks:*", "dypls:failed:*", "dypls:uncertain:*"} {
		for _, key := range s.client.Keys(t.Context(), pattern).Val() {
			n += s.client.ZCard(t.Context(), key).Val()
		}
	}
	return n
}

// An id that is used again while its old entry is being dropped keeps the new one.
func TestPruneLeavesWhatIsNew(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.client.ZIncrBy(t.Context(), record.CatalogKey("k"), -1000, "k")
		s.client.Del(t.Context(), record.Key("k"))
		pruning := redis.NewClient(s.client.Options())
		defer func() { _ = pruning.Close() }()
		pruning.AddHook(beforeDrop{func() { s.create(t, "k") }})
		var p record.Pruning
		if _, err := record.NewStore(pruning).Prune(t.Context(), &p, 0); err != nil {
			t.Fatal(err)
		}
		if got := s.listAll(t, record.Selection{Most: 10}); len(got) != 1 {
			t.Errorf("%d are listed, want the new one", len(got))
		}
	})
}

// beforeDrop does something between the look at what is old and the drop.
type beforeDrop struct{ do func() }

// DialHook implements [redis.Hook].
func (beforeDrop) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (beforeDrop) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (b beforeDrop) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "eval" {
			b.do()
		}
		return next(ctx, cmds)
	}
}
