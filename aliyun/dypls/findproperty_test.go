package dypls_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// Among whatever else is on X, exactly what was planted is found, and nothing before it was: here for pairs,
// drawn from so few numbers and times that they differ in one respect only, again and again.
func TestFindBindingProperty(t *testing.T) {
	t.Parallel()
	people := dyplstest.Numbers("1390000000", 10)
	found, refused := 0, 0
	for seed := range uint64(12) {
		w := newWorld(t, dyplstest.Config{Seed: seed})
		random := rand.New(rand.NewPCG(seed, 1))
		hour := time.Now().Add(time.Hour)
		draw := func() dypls.BindAXBRequest {
			r := w.axb()
			r.PhoneNoA, r.PhoneNoB = people[random.IntN(len(people))], people[random.IntN(len(people))]
			r.Expiration = dypls.At(hour.Add(time.Duration(random.IntN(2)) * time.Second))
			return r
		}
		bind := func(r dypls.BindAXBRequest) (dypls.Binding, bool) {
			b, err := dypls.BindAXB.Call(t.Context(), w, r)
			return b, err == nil // a conflict otherwise
		}
		disturb := func() {
			for range random.IntN(12) {
				w.shift(time.Duration(random.IntN(20)-20) * time.Second)
				if b, made := bind(draw()); made && random.IntN(2) == 0 {
					do(w, dypls.UnbindSubscription, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: b.SubsID, SecretNo: simX})
				}
			}
			w.shift(0)
		}
		for range 6 {
			disturb()
			planted := draw()
			since := w.now()
			if fits(w, planted, since) {
				continue // one that cannot be told from it is there already
			}
			if got := find(w, dypls.BindAXB, planted, since); got.Finding != dypls.Absent {
				t.Fatalf("seed %d: %+v before it was made", seed, got)
			}
			made, landed := bind(planted)
			disturb()
			got := find(w, dypls.BindAXB, planted, since)
			if landed {
				found++
			} else {
				refused++
			}
			if landed && (got.Finding != dypls.Found || got.Res != made || len(got.Surplus) > 0) {
				t.Fatalf("seed %d: %+v, want %+v", seed, got, made)
			}
			if !landed && got.Finding == dypls.Found != fits(w, planted, since) {
				t.Fatalf("seed %d: %+v of a bind that was refused", seed, got)
			}
		}
	}
	if found == 0 || refused == 0 {
		t.Errorf("%d binds landed and %d were refused: the draw tests nothing", found, refused)
	}
	t.Logf("%d binds landed and were found, %d were refused", found, refused)
}

// fits reports whether a binding is there that a request of that time could have made, by the simulator's own books.
func fits(w world, r dypls.BindAXBRequest, since time.Time) bool {
	for _, b := range w.Bindings() {
		if b.PhoneNoA == r.PhoneNoA && b.PhoneNoB == r.PhoneNoB && b.ExpiresAt.Equal(r.Expiration.Time) &&
			!dypls.At(b.CreatedAt).Before(since.Add(-5*time.Second)) {
			return true
		}
	}
	return false
}
