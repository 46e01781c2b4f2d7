package dypls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// The binds of these tests, all of them on simX.

func (w world) axn() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: pool, PhoneNoA: numberA, PhoneNoX: simX, Expiration: dypls.At(time.Now().Add(time.Hour))}
}

func (w world) axb() dypls.BindAXBRequest {
	return dypls.BindAXBRequest{PoolKey: pool, PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: simX, Expiration: dypls.At(time.Now().Add(time.Hour))}
}

func (w world) axg() dypls.BindAXGRequest {
	return dypls.BindAXGRequest{PoolKey: pool, PhoneNoA: numberA, GroupID: "7", PhoneNoX: simX, Expiration: dypls.At(time.Now().Add(time.Hour))}
}

func (w world) extension() dypls.BindAXNExtensionRequest {
	return dypls.BindAXNExtensionRequest{
		PoolKey: pool, PhoneNoA: numberA, PhoneNoX: simX, Extension: "007", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}
}

// landing binds, and looks for the binding before and after: what is found must be what the bind
// answered.
func landing[Req dypls.Request](o dypls.Operation[Req, dypls.Binding], request func(world) Req) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, dyplstest.Config{})
		req, since := request(w), time.Now()
		absent := dypls.Sighting[dypls.Binding]{Finding: dypls.Absent}
		if diff := cmp.Diff(absent, find(w, o, req, since)); diff != "" {
			t.Errorf("before it (-want +got):\n%s", diff)
		}
		want := dypls.Sighting[dypls.Binding]{Finding: dypls.Found, Res: do(w, o, req)}
		if diff := cmp.Diff(want, find(w, o, req, since)); diff != "" {
			t.Errorf("after it (-want +got):\n%s", diff)
		}
		do(w, dypls.UnbindSubscription, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: want.Res.SubsID, SecretNo: simX})
		if diff := cmp.Diff(absent, find(w, o, req, since)); diff != "" {
			t.Errorf("after its unbind (-want +got):\n%s", diff)
		}
	}
}

func TestFindBinding(t *testing.T) {
	t.Parallel()
	t.Run("AXN", landing(dypls.BindAXN, world.axn))
	t.Run("AXN with B", landing(dypls.BindAXN, func(w world) dypls.BindAXNRequest {
		r := w.axn()
		r.PhoneNoB = "95188"
		return r
	}))
	t.Run("AXB", landing(dypls.BindAXB, world.axb))
	t.Run("AXG", landing(dypls.BindAXG, world.axg))
	t.Run("AXG with B", landing(dypls.BindAXG, func(w world) dypls.BindAXGRequest {
		r := w.axg()
		r.PhoneNoB = numberB
		return r
	}))
	t.Run("extension", landing(dypls.BindAXNExtension, world.extension))
	t.Run("fractions of a second", landing(dypls.BindAXN, func(w world) dypls.BindAXNRequest {
		r := w.axn()
		r.Expiration = dypls.Time{Time: r.Expiration.Add(987654321)}
		return r
	}))
}

// A binding that differs in one respect is another's, whatever else is alike.
func TestFindBindingOfAnother(t *testing.T) {
	t.Parallel()
	later := func(w world) dypls.Time { return dypls.Time{Time: w.axn().Expiration.Add(time.Second)} }
	tests := map[string]func(w world, since time.Time) dypls.Finding{
		"other A": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.BindAXN, r)
			r.PhoneNoA = "15000000008"
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"other B of an AXN": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.BindAXN, r) // the platform invents a B
			r.PhoneNoB = numberB
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"other B of an AXB": func(w world, since time.Time) dypls.Finding {
			r := w.axb()
			do(w, dypls.BindAXB, r)
			r.PhoneNoB = "95188"
			return find(w, dypls.BindAXB, r, since).Finding
		},
		"A and B the other way round": func(w world, since time.Time) dypls.Finding {
			r := w.axb()
			do(w, dypls.BindAXB, r)
			r.PhoneNoA, r.PhoneNoB = r.PhoneNoB, r.PhoneNoA
			return find(w, dypls.BindAXB, r, since).Finding
		},
		"other group": func(w world, since time.Time) dypls.Finding {
			r := w.axg()
			do(w, dypls.BindAXG, r)
			r.GroupID = "8"
			return find(w, dypls.BindAXG, r, since).Finding
		},
		"other extension": func(w world, since time.Time) dypls.Finding {
			r := w.extension()
			do(w, dypls.BindAXNExtension, r)
			r.Extension = "7" // another number to dial than 007
			return find(w, dypls.BindAXNExtension, r, since).Finding
		},
		"other expiration": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.BindAXN, r)
			r.Expiration = later(w)
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"other X": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.BindAXN, r)
			r.PhoneNoX = "17000000004"
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"made before": func(w world, since time.Time) dypls.Finding {
			r := w.axb()
			w.shift(-7 * time.Second)
			do(w, dypls.BindAXB, r)
			w.shift(0)
			return find(w, dypls.BindAXB, r, since).Finding
		},
		"expired": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			r.Expiration = dypls.At(time.Now().Add(2 * time.Minute))
			do(w, dypls.BindAXN, r)
			w.shift(3 * time.Minute)
			return find(w, dypls.BindAXN, r, since).Finding
		},
		// whether the API does so is not documented
		"expired, but listed": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			r.Expiration = dypls.At(time.Now().Add(2 * time.Minute))
			made := do(w, dypls.BindAXN, r)
			w.shift(3 * time.Minute)
			w.fault(dyplstest.Fault{Action: "QuerySubsId", Do: dyplstest.Body, Body: listing(made.SubsID)})
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"gone since it was listed": func(w world, since time.Time) dypls.Finding {
			w.fault(dyplstest.Fault{Action: "QuerySubsId", Do: dyplstest.Body, Body: listing("1000000000000001")})
			return find(w, dypls.BindAXN, w.axn(), since).Finding
		},
		"gone, in the words of 2019": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.BindAXN, r)
			w.fault(dyplstest.Fault{Action: "QuerySubscriptionDetail", Code: "isv.ILLEGAL_ARGUMENT", Message: "subs not exist"})
			return find(w, dypls.BindAXN, r, since).Finding
		},
		"updated meanwhile": func(w world, since time.Time) dypls.Finding {
			r := w.axn()
			do(w, dypls.UpdateSubscription, w.update(do(w, dypls.BindAXN, r), dypls.UpdateNoA))
			return find(w, dypls.BindAXN, r, since).Finding
		},
	}
	for name, look := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := look(newWorld(t, dyplstest.Config{}), time.Now()); got != dypls.Absent {
				t.Errorf("%s, want Absent", got)
			}
		})
	}
}

// The API's clock may be behind ours, and tells no fractions.
func TestFindBindingMadeByASlowClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	since := time.Now()
	w.shift(-3 * time.Second)
	r := w.axn()
	made := do(w, dypls.BindAXN, r)
	if got := find(w, dypls.BindAXN, r, since); got.Finding != dypls.Found || got.Res != made {
		t.Errorf("%+v", got)
	}
}

// The list may lag behind: the first look sees nothing, the second one does.
func TestFindBindingSecondLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{ListDelay: 20 * time.Second})
	r, since := w.axn(), time.Now()
	made := do(w, dypls.BindAXN, r)
	w.shift(15 * time.Second)
	if got := find(w, dypls.BindAXN, r, since); got.Finding != dypls.Absent {
		t.Errorf("too soon: %+v", got)
	}
	w.shift(45 * time.Second)
	if got := find(w, dypls.BindAXN, r, since); got.Finding != dypls.Found || got.Res != made {
		t.Errorf("later: %+v", got)
	}
}

// X may serve many pairs, and an older one of the same A and B is not taken for the one that was
// lost.
func TestFindBindingAmongMany(t *testing.T) {
	t.Parallel()
	const others = 150
	w := newWorld(t, dyplstest.Config{})
	w.shift(-time.Minute)
	r := w.axb()
	noise := func(i int) {
		n := r
		n.PhoneNoA, n.PhoneNoB = dypls.Phone(fmt.Sprintf("1390000%04d", i)), dypls.Phone(fmt.Sprintf("1380000%04d", i))
		do(w, dypls.BindAXB, n)
	}
	for i := range others / 2 {
		noise(i)
	}
	w.shift(0)
	since := time.Now()
	if got := find(w, dypls.BindAXB, r, since); got.Finding != dypls.Absent {
		t.Errorf("among strangers: %+v", got)
	}
	if n := w.details(); n != others/2 {
		t.Errorf("Absent after %d of %d bindings", n, others/2)
	}
	made := do(w, dypls.BindAXB, r)
	for i := range others / 2 {
		noise(others/2 + i)
	}
	before := w.details()
	got := find(w, dypls.BindAXB, r, since)
	if got.Finding != dypls.Found || got.Res != made || len(got.Surplus) != 0 {
		t.Errorf("%+v, want %+v", got, made)
	}
	// Those that came after it, itself, and one that is too old to be a surplus.
	if n := w.details() - before; n != others/2+2 {
		t.Errorf("found after %d details", n)
	}
}

// The same call took effect more than once: the oldest is its result, whatever the order of the
// list.
func TestFindBindingSurplus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	r, since := w.axn(), time.Now()
	made := do(w, dypls.BindAXN, r)
	twin := w.Bindings()[0]
	longer := "1" + strings.Repeat("0", len(made.SubsID)) // so it is higher
	ids := []string{"2" + made.SubsID, made.SubsID, "999", longer}
	w.fault(dyplstest.Fault{Action: "QuerySubsId", Do: dyplstest.Body, Body: listing(strings.Join(append(ids, made.SubsID), ","))})
	for _, id := range []string{ids[0], ids[3]} {
		twin.SubsID = id
		w.fault(dyplstest.Fault{
			Action: "QuerySubscriptionDetail", Match: map[string]string{"SubsId": id}, Do: dyplstest.Body, Body: detail(t, twin, nil),
		})
	}
	extra := func(id string) dypls.Binding {
		return dypls.Binding{SubsID: id, SecretNo: simX, Extension: made.Extension}
	}
	want := dypls.Sighting[dypls.Binding]{Finding: dypls.Found, Res: made, Surplus: []dypls.Binding{extra(longer), extra(ids[0])}}
	if diff := cmp.Diff(want, find(w, dypls.BindAXN, r, since)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the API leaves out is neither a match nor none.
func TestFindBindingUndecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	r, since := w.axb(), time.Now()
	do(w, dypls.BindAXB, r)
	for _, field := range []string{"PhoneNoA", "PhoneNoB", "ExpireDate", "GmtCreate"} {
		w.ClearFaults()
		w.fault(dyplstest.Fault{
			Action: "QuerySubscriptionDetail", Do: dyplstest.Body, Body: detail(t, w.Bindings()[0], map[string]any{field: nil}),
		})
		if got, err := dypls.BindAXB.Find(t.Context(), w, r, since); err == nil || got.Finding != "" {
			t.Errorf("without %s: %+v, %v", field, got, err)
		}
		// What it does tell may be enough to say no.
		other := r
		other.PhoneNoA, other.PhoneNoB = "15000000008", "15800000009"
		if got := find(w, dypls.BindAXB, other, since); got.Finding != dypls.Absent {
			t.Errorf("without %s, another's: %+v", field, got)
		}
	}
}
