package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

const (
	numberA, numberX = "13900000017", "17000000017"

	aRequest = `{"PoolKey":"FC1","PhoneNoA":"` + numberA + `"}`
	aResult  = `{"SubsId":"1","SecretNo":"` + numberX + `"}`
)

// sealed is the server with keys.
func (s server) sealed(k *seal.Keys) server {
	s.store = s.store.WithKeys(k)
	return s
}

// dump is all that Redis holds, keys and values.
func dump(t *testing.T, client *redis.Client) string {
	t.Helper()
	var text strings.Builder
	keys := client.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		key := keys.Val()
		fmt.Fprintln(&text, key)
		var value any
		switch kind := client.Type(t.Context(), key).Val(); kind {
		case "hash":
			value = client.HGetAll(t.Context(), key).Val()
		case "zset":
			value = client.ZRangeWithScores(t.Context(), key, 0, -1).Val()
		case "stream":
			value = client.XRange(t.Context(), key, "-", "+").Val()
		default:
			t.Fatalf("%s is a %s", key, kind)
		}
		fmt.Fprintf(&text, "%v\n", value)
	}
	return text.String()
}

// Every step that writes a request, a result or what undoes a binding seals it, and whoever reads
// it has it whole. Steps that hand it on in Redis leave it as it is.
func TestRecordsAreSealed(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s = s.sealed(sealtest.New(t))
		shops := func(n *record.New) { n.Account, n.Request = "shop", []byte(aRequest) }
		s.create(t, "bind", shops)
		inShop := func(r *record.Run) { r.Action, r.Account = "BindAxn", "shop" }
		begun := s.call(t, "bind", "a", inShop)
		if string(begun.Request) != aRequest || begun.Undecryptable != nil {
			t.Errorf("begun with %s, %v", begun.Request, begun.Undecryptable)
		}
		if glance, err := s.store.Glance(t.Context(), "bind"); err != nil || string(glance.Request) != aRequest {
			t.Errorf("a glance shows %s, %v", glance.Request, err)
		}
		undo := func() []byte { return []byte(`{"PoolKey":"FC1","SubsId":"2","SecretNo":"` + numberX + `"}`) }
		ending := record.Ending{
			ID: "bind", Account: "shop", Fence: begun.Fence, State: record.Succeeded, Result: []byte(aResult), SubsID: "1", Surplus: undo,
		}
		s.finish(t, ending)
		ending.SubsID = "2"
		if verdict := s.finish(t, ending); verdict != record.Surplus {
			t.Fatalf("a second binding is %s", verdict)
		}
		noted, err := s.store.NoteSurplus(t.Context(), "1", record.SurplusBinding{ID: "bind", Account: "shop", SubsID: "3", Undo: undo()})
		if err != nil || !noted {
			t.Fatal(err)
		}
		surpluses, err := s.store.Surpluses(t.Context(), "bind")
		if err != nil || len(surpluses) != 2 {
			t.Fatal(surpluses, err)
		}
		for _, surplus := range surpluses {
			if string(surplus.Undo) != string(undo()) || surplus.Undecryptable != nil {
				t.Errorf("%s is undone by %s, %v", surplus.SubsID, surplus.Undo, surplus.Undecryptable)
			}
		}
		if r := s.read(t, "bind"); string(r.Result) != aResult || r.Undecryptable != nil {
			t.Errorf("%s, %v", r.Result, r.Undecryptable)
		}
		s.sealedUnbind(t, undo())
		all := dump(t, s.client)
		for _, number := range []string{numberA, numberX} {
			if strings.Contains(all, number) {
				t.Errorf("Redis holds %s in clear:\n%q", number, all)
			}
		}
	})
}

// sealedUnbind rewrites a request, and settles its task by hand.
func (s server) sealedUnbind(t *testing.T, undo []byte) {
	t.Helper()
	s.create(t, "unbind", func(n *record.New) { n.Request = []byte(`{}`) })
	unbind := s.call(t, "unbind", "a")
	if held, err := s.store.Rewrite(t.Context(), "unbind", "", unbind.Fence, undo); err != nil || !held {
		t.Fatal(held, err)
	}
	s.finish(t, record.Ending{ID: "unbind", Fence: unbind.Fence, State: record.Uncertain, Code: "dyplsq.NoAnswer", MayHaveRun: true})
	if r := s.read(t, "unbind"); string(r.Request) != string(undo) {
		t.Errorf("rewritten as %s", r.Request)
	}
	found, _, err := s.store.Resolve(t.Context(), record.Resolution{
		ID: "unbind", State: record.Succeeded, Code: "OK", Result: []byte(aResult), By: "Li, " + numberA, Keep: keep,
	})
	if err != nil || found != record.Uncertain {
		t.Fatal(found, err)
	}
	if r := s.read(t, "unbind"); string(r.Result) != aResult || r.Undecryptable != nil {
		t.Errorf("%s, %v", r.Result, r.Undecryptable)
	}
}

// Whoever has no key, a wrong one under its name, or another record's value, is
// told so, and changes nothing.
func TestValuesThatDoNotOpen(t *testing.T) {
	t.Parallel()
	f := seal.NewFile("k1")
	other := seal.NewFile("k1")
	other.Hash = f.Hash
	s := onOneServer(t).sealed(sealtest.Keys(t, f))
	s.create(t, "k", func(n *record.New) { n.Request = []byte(aRequest) })
	s.create(t, "l", func(n *record.New) { n.Request = []byte(aRequest) })
	stored := s.field(t, "k", "request")
	var missing *seal.MissingKeyError
	var tampered *seal.TamperedError
	flip := func(at int) string {
		changed := []byte(stored)
		changed[at] ^= 1
		return string(changed)
	}
	for name, test := range map[string]struct {
		keys   *seal.Keys
		stored string
		as     any
	}{
		"no keys":             {nil, stored, &missing},
		"a key is lost":       {sealtest.Keys(t, seal.NewFile("k2")), stored, &missing},
		"another of its name": {sealtest.Keys(t, other), stored, &tampered},
		"a flipped bit":       {sealtest.Keys(t, f), flip(len(stored) - 1), &tampered},
		"of another record":   {sealtest.Keys(t, f), s.field(t, "l", "request"), &tampered},
		"no longer sealed":    {sealtest.Keys(t, f), flip(0), &tampered},
	} {
		s.client.HSet(t.Context(), record.Key("k"), "request", test.stored)
		before := s.hash(t, "k")
		locked := s.sealed(test.keys)
		begun := locked.call(t, "k", name)
		if !errors.As(begun.Undecryptable, test.as) || len(begun.Request) > 0 {
			t.Errorf("%s: begun with %q, %v", name, begun.Request, begun.Undecryptable)
		}
		hold := record.Hold{Code: "dyplsq.Undecryptable", Message: begun.Undecryptable.Error()}
		if verdict, err := locked.store.HandBack(t.Context(), "k", begun.Fence, hold); err != nil || verdict != record.Done {
			t.Fatal(verdict, err)
		}
		r := locked.read(t, "k")
		if !errors.As(r.Undecryptable, test.as) || r.Code != hold.Code || r.Message != hold.Message || r.State != record.Waiting || r.Calls != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if after := s.hash(t, "k"); after["request"] != before["request"] || after["history"] != before["history"] {
			t.Errorf("%s: it was %v, and is %v", name, before, after)
		}
	}
	s.client.HSet(t.Context(), record.Key("k"), "request", stored)
	if begun := s.call(t, "k", "with the key"); string(begun.Request) != aRequest {
		t.Errorf("%s, %v", begun.Request, begun.Undecryptable)
	}
}

// What was recorded before there were keys is the same request under them, wherever it is asked.
// Who has no keys cannot tell of a record that was made with them, and says so.
func TestFingerprintsWithAndWithoutKeys(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		keys := sealtest.New(t)
		task := func(k *seal.Keys, id, number string) *record.New {
			p := parameters("PoolKey", "FC1", "PhoneNoA", number)
			return &record.New{
				ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: record.FingerprintOf(k, id, "BindAxn", p),
				Other: func() record.Fingerprint { return record.FingerprintOf(nil, id, "BindAxn", p) },
			}
		}
		asks := func(k *seal.Keys, n *record.New, want record.CreateVerdict, differs string) {
			t.Helper()
			for _, ask := range []func(context.Context, []*record.New) ([]record.Created, error){s.store.WithKeys(k).Create, s.store.WithKeys(k).Look} {
				found, err := ask(t.Context(), []*record.New{n})
				if err != nil || found[0].Verdict != want || strings.Join(found[0].Differs, " ") != differs {
					t.Errorf("%s: %+v, %v, want %s", n.ID, found, err, want)
				}
			}
		}
		for id, k := range map[string]*seal.Keys{"before": nil, "since": keys} {
			if _, err := s.store.WithKeys(k).Create(t.Context(), []*record.New{task(k, id, numberA)}); err != nil {
				t.Fatal(err)
			}
			asks(keys, task(keys, id, numberA), record.Same, "")
			asks(keys, task(keys, id, numberX), record.Conflict, "PhoneNoA")
		}
		without := task(nil, "since", numberA)
		without.Other = nil
		asks(nil, without, record.Unknowable, "")
	})
}

// A fingerprint by keys tells nothing to who has none, and what it was made of to who has them.
func TestKeyedFingerprint(t *testing.T) {
	t.Parallel()
	keys, others := sealtest.New(t), sealtest.New(t)
	p := parameters("PhoneNoA", numberA, "PoolKey", "FC1")
	f := record.FingerprintOf(keys, "k", "BindAxn", p)
	if f == record.FingerprintOf(others, "k", "BindAxn", p) || f == record.FingerprintOf(keys, "l", "BindAxn", p) ||
		f != record.FingerprintOf(keys, "k", "BindAxn", p) {
		t.Error("it depends on something else than the key of the hashes, the id and the request")
	}
	if !f.Has("PhoneNoA") || !f.Has("Action") || f.Has("PhoneNoB") || !f.Holds(keys, "k", p[0]) || f.Holds(others, "k", p[0]) {
		t.Error(f)
	}
	if f.Readable(nil) || f.Holds(nil, "k", p[0]) {
		t.Error("it can be read without keys")
	}
	old := record.FingerprintOf(nil, "k", "BindAxn", p)
	if !old.Holds(keys, "k", p[0]) || !old.Readable(keys) || !old.Readable(nil) {
		t.Error("one of before cannot be read with keys")
	}
}

// A record without an outcome is looked at by the reaper also where it is older than the keys, and
// its entry was lost.
func TestOlderRecordIsInTheIndex(t *testing.T) {
	t.Parallel()
	s := onOneServer(t)
	p := parameters("PoolKey", "FC1")
	script := record.NewHandoverScript("return 1")
	n := record.New{
		ID: "k", Action: "BindAxn", Request: []byte(`{}`), Fingerprint: record.FingerprintOf(nil, "k", "BindAxn", p), ProcessAt: time.Now(),
		Handover: &record.Handover{Script: script},
	}
	if _, err := s.store.Create(t.Context(), []*record.New{&n}); err != nil {
		t.Fatal(err)
	}
	keys := sealtest.New(t)
	for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
		s.client.ZRem(t.Context(), key, "k")
	}
	n.Other = func() record.Fingerprint { return record.FingerprintOf(nil, "k", "BindAxn", p) }
	n.Fingerprint = record.FingerprintOf(keys, "k", "BindAxn", p)
	found, err := s.sealed(keys).store.Create(t.Context(), []*record.New{&n})
	if err != nil || found[0].Verdict != record.Same {
		t.Fatal(found, err)
	}
	if left := s.client.Keys(t.Context(), "dypls:open:*").Val(); len(left) != 1 {
		t.Errorf("the index has %v", left)
	}
}

// TestNoNumberInATraceState: what others write there is free text. With keys an entry that may
// hold a number is left out.
func TestNoNumberInATraceState(t *testing.T) {
	t.Parallel()
	s := onOneServer(t)
	keys := sealtest.New(t)
	from := tracing.Origin{Parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", State: "a=s:1,b=of-" + numberA + ",c=2"}
	for id, of := range map[string]struct {
		store server
		state string
	}{"clear": {s, from.State}, "sealed": {s.sealed(keys), "a=s:1,c=2"}} {
		if _, err := of.store.store.Create(t.Context(), []*record.New{{ID: id, Action: "BindAxn", Request: []byte(aRequest), Origin: from}}); err != nil {
			t.Fatal(err)
		}
		if asked, err := of.store.store.Requested(t.Context(), id); err != nil || asked.Origin != (tracing.Origin{Parent: from.Parent, State: of.state}) {
			t.Errorf("%s: %+v, %v", id, asked.Origin, err)
		}
	}
}
