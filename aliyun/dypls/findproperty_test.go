package dypls_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// A crowd makes pairs on one X, of so few people and times that many differ from each other in one
// respect only.
type crowd struct {
	world
	random *rand.Rand
	people []dypls.Phone
	base   time.Time
}

func (c crowd) draw() dypls.BindAXBRequest {
	r := c.axb()
	r.PhoneNoA, r.PhoneNoB = c.people[c.random.IntN(len(c.people))], c.people[c.random.IntN(len(c.people))]
	r.Expiration = dypls.At(c.base.Add(time.Duration(c.random.IntN(2)) * time.Second))
	return r
}

// bind reports whether a binding was made: it is refused where X knows one of the two.
func (c crowd) bind(r dypls.BindAXBRequest) (dypls.Binding, bool) {
	b, err := dypls.BindAXB.Call(c.t.Context(), c, r)
	return b, err == nil
}

// stir makes some bindings of the last twenty seconds, and removes half of them again.
func (c crowd) stir() {
	for range c.random.IntN(8) {
		c.shift(time.Duration(c.random.IntN(20)-20) * time.Second)
		if b, made := c.bind(c.draw()); made && c.random.IntN(2) == 0 {
			do(c.world, dypls.UnbindSubscription, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: b.SubsID, SecretNo: simX})
		}
	}
	c.shift(0)
}

// fits reports, by the simulator's own books, whether there is a binding that a request of that
// time could have made.
func (c crowd) fits(r dypls.BindAXBRequest, since time.Time) bool {
	for _, b := range c.Bindings() {
		if b.PhoneNoA == r.PhoneNoA && b.PhoneNoB == r.PhoneNoB && b.ExpiresAt.Equal(r.Expiration.Time) &&
			!dypls.At(b.CreatedAt).Before(since.Add(-5*time.Second)) {
			return true
		}
	}
	return false
}

// Among whatever else is on X, exactly what was planted is found, and nothing before it was.
func TestFindBindingProperty(t *testing.T) {
	t.Parallel()
	landed, refused := 0, 0
	for seed := range uint64(20) {
		c := crowd{newWorld(t, dyplstest.Config{Seed: seed}), rand.New(rand.NewPCG(seed, 1)), dyplstest.Numbers("139000000", 30), time.Now().Add(time.Hour)}
		for range 6 {
			c.stir()
			planted, since := c.draw(), c.now()
			before := c.fits(planted, since) // then nobody can tell them apart
			if got := find(c.world, dypls.BindAXB, planted, since); (got.Finding == dypls.Found) != before {
				t.Fatalf("seed %d: %+v before it was planted, and one that fits is there: %t", seed, got, before)
			}
			made, did := c.bind(planted)
			c.stir()
			got := find(c.world, dypls.BindAXB, planted, since)
			if !did {
				refused++
				if fits := c.fits(planted, since); (got.Finding == dypls.Found) != fits {
					t.Fatalf("seed %d: %+v of one that was refused, and one that fits is there: %t", seed, got, fits)
				}
				continue
			}
			landed++
			if got.Finding != dypls.Found || got.Res != made || got.Surplus != nil {
				t.Fatalf("seed %d: %+v, want %+v", seed, got, made)
			}
		}
	}
	t.Logf("%d landed, %d were refused", landed, refused)
	if landed < 20 || refused < 20 {
		t.Error("the draw is lopsided")
	}
}
