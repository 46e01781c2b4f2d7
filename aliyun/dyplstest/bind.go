package dyplstest

import "github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"

// prepare applies what all binds share. It returns the pool, the X that the request names (nil
// where it names none), and the binding so far; or else why it cannot be.
func (s *service) prepare(action string, p parameters) (*pool, *number, *binding, *answer) {
	if a := s.checkBind(p); a != nil {
		return nil, nil, nil, a
	}
	pool, refusal := s.pool(p)
	if refusal != nil {
		return nil, nil, nil, refusal
	}
	if !pool.isFor(action) {
		a := serviceAnswer("isv.FORBIDDEN_ACTION", "the pool is not for this kind of binding")
		return nil, nil, nil, &a
	}
	var x *number
	if phone := p.get("PhoneNoX"); phone != "" {
		if x, refusal = s.number(pool, phone); refusal != nil {
			return nil, nil, nil, refusal
		}
	}
	expiresAt, _ := parseTime(p.get("Expiration")) // checked above
	return pool, x, &binding{Binding: Binding{
		Action:             action,
		PoolKey:            pool.Key,
		PhoneNoA:           dypls.Phone(p.get("PhoneNoA")),
		PhoneNoB:           dypls.Phone(p.get("PhoneNoB")),
		CreatedAt:          s.now,
		ExpiresAt:          expiresAt,
		OutID:              p.get("OutId"),
		OutOrderID:         p.get("OutOrderId"),
		CallRestrict:       restriction(p.get("CallRestrict")),
		CallDisplayType:    p.get("CallDisplayType"),
		IsRecordingEnabled: p.get("IsRecordingEnabled") == "true",
		ASRStatus:          p.get("ASRStatus") == "true",
		ASRModelID:         p.get("ASRModelId"),
	}}, nil
}

// restriction accounts for the value that means none.
func restriction(value string) string {
	if value == dypls.ControlClearDisable {
		return ""
	}
	return value
}

// pool finds the pool that a request names.
func (s *service) pool(p parameters) (*pool, *answer) {
	key := p.get("PoolKey")
	if key == "" {
		return nil, illegal("poolKey is empty")
	}
	pool := s.account.pools[key]
	if pool == nil {
		a := serviceAnswer("isv.POOLKEY_NOT_EXISTS", "poolKey not exists")
		return nil, &a
	}
	return pool, nil
}

// number finds an X, which must be in the pool; without a pool, in the account.
func (s *service) number(p *pool, phone string) (*number, *answer) {
	n := s.account.numbers[dypls.Phone(phone)]
	if n == nil {
		a := serviceAnswer("isv.NO_NOT_EXIST", "the number is not in the account")
		return nil, &a
	}
	if p != nil && n.pool != p {
		a := serviceAnswer("isv.FORBIDDEN_ACTION", "the number is not in the pool")
		return nil, &a
	}
	return n, nil
}

// allot gives a binding its X: the one that was named, where it fits, or one that the service
// picks.
func (s *service) allot(
	p *pool,
	x *number,
	b *binding,
	city string,
	fits func(*number) bool,
) *answer {
	if x != nil && x.locked {
		a := serviceAnswer("isv.FORBIDDEN_ACTION", "the number is locked")
		return &a
	}
	if x != nil && (!x.takes(b.kind) || !fits(x)) {
		a := serviceAnswer("isv.BIND_CONFLICT", "isv.BIND_CONFLICT")
		return &a
	}
	if x == nil {
		x = p.pick(b.kind, city, s.random, fits)
	}
	if x == nil {
		a := serviceAnswer("isv.NO_AVAILABLE_NUMBER", "no available number")
		return &a
	}
	b.number, b.PhoneNoX = x, x.phone
	return nil
}

// bound makes a binding that has its X, and answers with it. What extension the answer holds
// differs from kind to kind.
func (s *service) bound(b *binding, extension string) answer {
	b.SubsID = s.account.newSubsID()
	s.account.put(b)
	a := ok(
		fields{
			SecretBindDTO: &bindDTO{SubsID: b.SubsID, SecretNo: string(b.PhoneNoX), Extension: extension},
		},
	)
	a.subsID, a.secretNo = b.SubsID, b.PhoneNoX
	return a
}
