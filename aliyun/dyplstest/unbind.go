package dyplstest

import (
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// productTypes stand for a pool in the requests of customers of the first years.
var productTypes = []string{
	dypls.ProductAXB170,
	dypls.ProductAXN170,
	dypls.ProductAXN95,
	dypls.ProductAXNExtensionReuse,
}

// poolOrProduct finds the pool that a request names; nil where a ProductType stands in its place:
// any pool.
func (s *service) poolOrProduct(p parameters) (*pool, *answer) {
	if p.get("PoolKey") != "" {
		return s.pool(p)
	}
	if product := p.get("ProductType"); !slices.Contains(productTypes, product) {
		return nil, illegal("poolKey and productType are empty or unknown")
	}
	return nil, nil
}

// subscription finds the binding that a SubsId and an X name together. A SubsId that belongs to
// another X names none.
func (s *service) subscription(p parameters, x string) (*binding, *answer) {
	if a := checkNumbers(p); a != nil {
		return nil, a
	}
	pool, refusal := s.poolOrProduct(p)
	if refusal != nil {
		return nil, refusal
	}
	n, refusal := s.number(pool, x)
	if refusal != nil {
		return nil, refusal
	}
	b := s.account.subs[p.get("SubsId")]
	if b == nil || b.number != n {
		a := serviceAnswer("isv.SUBS_NOT_EXIST", "isv.SUBS_NOT_EXIST")
		return nil, &a
	}
	return b, nil
}

// unbind removes a binding. One that has expired is gone already; the API's pages do not say so.
func unbind(s *service, p parameters) answer {
	b, refusal := s.subscription(p, p.get("SecretNo"))
	if refusal == nil && b.expired {
		gone := serviceAnswer("isv.SUBS_NOT_EXIST", "isv.SUBS_NOT_EXIST")
		refusal = &gone
	}
	if refusal != nil {
		if refusal.code == "isv.SUBS_NOT_EXIST" && s.config.LegacyUnbind {
			return *illegal("subs not exist")
		}
		return *refusal
	}
	s.account.remove(b)
	a := ok(fields{ChargeID: "true"})
	a.subsID, a.secretNo = b.SubsID, b.PhoneNoX
	return a
}
