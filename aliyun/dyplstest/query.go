package dyplstest

import (
	"strconv"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// queryDetail answers with a binding, an expired one included. It does not tell the OutId.
func queryDetail(s *service, p parameters) answer {
	b, refusal := s.subscription(p, p.get("PhoneNoX"))
	if refusal != nil {
		return *refusal
	}
	detail := &detailDTO{
		SubsID:       b.SubsID,
		PhoneNoA:     string(b.PhoneNoA),
		PhoneNoB:     string(b.PhoneNoB),
		PhoneNoX:     string(b.PhoneNoX),
		Status:       dypls.SubscriptionActive,
		ExpireDate:   dypls.At(b.ExpiresAt).String(),
		GmtCreate:    dypls.At(b.CreatedAt).String(),
		NeedRecord:   b.IsRecordingEnabled,
		ASRStatus:    b.ASRStatus,
		ASRModelID:   b.ASRModelID,
		CallRestrict: b.CallRestrict,
		Extension:    b.Extension,
	}
	detail.GroupID, _ = strconv.ParseInt(b.GroupID, 10, 64) // 0 for a binding without
	if b.expired {
		detail.Status = dypls.SubscriptionExpired
	}
	a := ok(fields{SecretBindDetailDTO: detail})
	a.subsID, a.secretNo = b.SubsID, b.PhoneNoX
	return a
}

// querySubsID lists the active bindings on an X. A pool that does not exist is answered with HTTP
// 400 here, and with HTTP 200 elsewhere: so the API's public metadata says.
func querySubsID(s *service, p parameters) answer {
	if a := checkNumbers(p); a != nil {
		return *a
	}
	var pool *pool
	if key := p.get("PoolKey"); key != "" {
		if pool = s.account.pools[key]; pool == nil {
			return codeAnswer("POOLKEY_NOT_EXIST", "poolKey not exist")
		}
	}
	n, refusal := s.number(pool, p.get("PhoneNoX"))
	if refusal != nil {
		return *refusal
	}
	ids := make([]string, 0, len(n.bindings))
	for _, b := range n.bindings {
		if s.now.Sub(b.CreatedAt) >= s.config.ListDelay {
			ids = append(ids, b.SubsID)
		}
	}
	list := strings.Join(ids, ",")
	a := ok(fields{SubsID: &list})
	a.secretNo = n.phone
	return a
}
