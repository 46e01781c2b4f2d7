package dyplstest

import (
	"strconv"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// bindAXN gives A an X of its own. The answer's Extension is B, or where there is none a number of
// 13 digits that the service invents: it was seen so in answers of the real one.
func bindAXN(s *service, p parameters) answer {
	pool, x, b, refusal := s.prepare("BindAxn", p)
	if refusal != nil {
		return *refusal
	}
	b.kind = exclusive
	if refusal := s.allot(pool, x, b, p.get("ExpectCity"), anyNumber); refusal != nil {
		return *refusal
	}
	if b.PhoneNoB == "" {
		b.PhoneNoB = dypls.Phone(strconv.FormatInt(s.now.UnixMilli(), 10))
	}
	return s.bound(b, string(b.PhoneNoB))
}

// bindAXB makes a pair on an X that knows neither A nor B. The answer's Extension is A's real
// number, as seen in answers of the real service.
func bindAXB(s *service, p parameters) answer {
	if p.get("PhoneNoB") == "" {
		return *illegal("phoneNoB is empty")
	}
	pool, x, b, refusal := s.prepare("BindAxb", p)
	if refusal != nil {
		return *refusal
	}
	if b.PhoneNoA == b.PhoneNoB {
		return serviceAnswer("isv.BIND_CONFLICT", "isv.BIND_CONFLICT")
	}
	b.kind = pairing
	strangers := func(n *number) bool { return !n.serves(b.PhoneNoA) && !n.serves(b.PhoneNoB) }
	if refusal := s.allot(pool, x, b, p.get("ExpectCity"), strangers); refusal != nil {
		return *refusal
	}
	return s.bound(b, string(b.PhoneNoA))
}

// bindAXNExtension gives A an extension of an X, the one that is named or a free one of three
// digits. The same A may have several on one X.
func bindAXNExtension(s *service, p parameters) answer {
	extension := p.get("Extension")
	if extension != "" && !digits(extension, 1, 3) {
		return *illegal("extension must be 1-3 digits")
	}
	if extension != "" && p.get("PhoneNoX") == "" {
		return *illegal("extension goes only with phoneNoX")
	}
	pool, x, b, refusal := s.prepare("BindAxnExtension", p)
	if refusal != nil {
		return *refusal
	}
	b.kind = extensions
	free := func(n *number) bool { return !n.hasExtension(extension) }
	if refusal := s.allot(pool, x, b, p.get("ExpectCity"), free); refusal != nil {
		return *refusal
	}
	if b.Extension = extension; extension == "" {
		b.Extension = s.freeExtension(b.number)
	}
	return s.bound(b, b.Extension)
}

// freeExtension is called for a number that has fewer bindings than there are extensions, so one is
// found.
func (s *service) freeExtension(n *number) string {
	for i := s.random.IntN(maxExtensions); ; i++ {
		if extension := strconv.Itoa(100 + i%maxExtensions); !n.hasExtension(extension) {
			return extension
		}
	}
}

// bindAXG gives A an X of its own that only the members of a group reach. The answer's Extension is
// the group's id.
func bindAXG(s *service, p parameters) answer {
	pool, x, b, refusal := s.prepare("BindAxg", p)
	if refusal != nil {
		return *refusal
	}
	b.kind, b.GroupID = exclusive, p.get("GroupId")
	if !pool.hasGroup(b.GroupID) {
		return serviceAnswer("isv.ILLEGAL_ARGUMENT", "the group does not exist or has no number")
	}
	if refusal := s.allot(pool, x, b, p.get("ExpectCity"), anyNumber); refusal != nil {
		return *refusal
	}
	return s.bound(b, b.GroupID)
}

func anyNumber(*number) bool { return true }
