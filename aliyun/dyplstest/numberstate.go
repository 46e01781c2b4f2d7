package dyplstest

import (
	"cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// lock keeps X from being picked. A bind that names it is refused, too: what the service does about
// that is not documented.
func lock(s *service, p parameters) answer { return setLock(s, p, true) }

func unlock(s *service, p parameters) answer { return setLock(s, p, false) }

func setLock(s *service, p parameters, locked bool) answer {
	n, refusal := s.secretNo(p)
	if refusal != nil {
		return *refusal
	}
	n.locked = locked
	n.reshelve()
	a := ok(fields{})
	a.secretNo = n.phone
	return a
}

// secretNo finds the X of a pool that a request names.
func (s *service) secretNo(p parameters) (*number, *answer) {
	if a := checkNumbers(p); a != nil {
		return nil, a
	}
	pool, refusal := s.pool(p)
	if refusal != nil {
		return nil, refusal
	}
	return s.number(pool, p.get("SecretNo"))
}

// queryNumber answers what X is. All numbers were bought when the simulator was made, and are
// certified; one that is locked is told as such though it is bound.
func queryNumber(s *service, p parameters) answer {
	n, refusal := s.secretNo(p)
	if refusal != nil {
		return *refusal
	}
	state := dypls.SecretNoFree
	switch {
	case n.locked:
		state = dypls.SecretNoLocked
	case len(n.bindings) > 0:
		state = dypls.SecretNoBound
	}
	a := ok(fields{SecretNoInfoDTO: &numberDTO{
		PurchaseTime:  dypls.At(s.made).String(),
		Vendor:        cmp.Or(n.pool.Vendor, dypls.VendorMobile),
		Province:      n.pool.Province,
		City:          n.city,
		SecretStatus:  state,
		CertifyStatus: dypls.SecretNoCertified,
	}})
	a.secretNo = n.phone
	return a
}
