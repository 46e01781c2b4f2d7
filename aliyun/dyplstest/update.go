package dyplstest

import "github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"

// operation is one OperateType: the parameter it needs, and what it does with it.
type operation struct {
	operand string
	apply   func(*service, *binding, parameters) *answer
}

var operations = map[string]operation{
	dypls.UpdateNoA:             {"PhoneNoA", updateNoA},
	dypls.UpdateNoB:             {"PhoneNoB", updateNoB},
	dypls.UpdateExpire:          {"Expiration", updateExpire},
	dypls.UpdateAXGGroup:        {"GroupId", updateGroup},
	dypls.UpdateCallRestrict:    {"CallRestrict", updateCallRestrict},
	dypls.UpdateCallDisplayType: {"CallDisplayType", updateDisplayType},
	dypls.UpdateOutID: {"OutId", func(_ *service, b *binding, p parameters) *answer {
		b.OutID = p.get("OutId")
		return nil
	}},
	dypls.UpdateIsRecordingEnabled: {
		"IsRecordingEnabled",
		func(_ *service, b *binding, p parameters) *answer {
			b.IsRecordingEnabled = p.get("IsRecordingEnabled") == "true"
			return nil
		},
	},
	dypls.UpdateASR: {"ASRStatus", updateASR},
}

// update changes the one thing that OperateType names, and ignores the rest.
func update(s *service, p parameters) answer {
	operation, known := operations[p.get("OperateType")]
	if !known {
		return *illegal("operateType illegal")
	}
	if p.get(operation.operand) == "" {
		return *illegal(operation.operand + " is empty")
	}
	b, refusal := s.subscription(p, p.get("PhoneNoX"))
	if refusal != nil {
		return *refusal
	}
	if b.expired {
		return serviceAnswer("isv.FORBIDDEN_ACTION", "the binding has expired")
	}
	if refusal := operation.apply(s, b, p); refusal != nil {
		return *refusal
	}
	a := ok(fields{})
	a.subsID, a.secretNo = b.SubsID, b.PhoneNoX
	return a
}

func updateNoA(_ *service, b *binding, p parameters) *answer {
	return replace(b, &b.PhoneNoA, dypls.Phone(p.get("PhoneNoA")))
}

func updateNoB(_ *service, b *binding, p parameters) *answer {
	return replace(b, &b.PhoneNoB, dypls.Phone(p.get("PhoneNoB")))
}

// replace puts another person in a binding. In a pair it must be one whom X does not know.
func replace(b *binding, person *dypls.Phone, next dypls.Phone) *answer {
	if b.kind == pairing && next != *person {
		if b.number.serves(next) {
			a := serviceAnswer("isv.UPDATE_CONFLICT", "isv.UPDATE_CONFLICT")
			return &a
		}
		b.number.exchange(*person, next)
	}
	*person = next
	return nil
}

func updateExpire(s *service, b *binding, p parameters) *answer {
	if a := s.checkExpiration(p.get("Expiration")); a != nil {
		return a
	}
	b.ExpiresAt, _ = parseTime(p.get("Expiration"))
	s.account.due.move(b)
	return nil
}

func updateGroup(_ *service, b *binding, p parameters) *answer {
	if b.Action != "BindAxg" {
		a := serviceAnswer("isv.FORBIDDEN_ACTION", "the binding is not an AXG one")
		return &a
	}
	if !b.number.pool.hasGroup(p.get("GroupId")) {
		return illegal("the group does not exist or has no number")
	}
	b.GroupID = p.get("GroupId")
	return nil
}

func updateCallRestrict(_ *service, b *binding, p parameters) *answer {
	if a := checkRestrict(p); a != nil {
		return a
	}
	b.CallRestrict = restriction(p.get("CallRestrict"))
	return nil
}

func updateDisplayType(_ *service, b *binding, p parameters) *answer {
	if a := checkDisplayType(p); a != nil {
		return a
	}
	b.CallDisplayType = p.get("CallDisplayType")
	return nil
}

func updateASR(_ *service, b *binding, p parameters) *answer {
	on := p.get("ASRStatus") == "true"
	if on && p.get("ASRModelId") == "" {
		return illegal("ASRModelId is empty")
	}
	b.ASRStatus, b.ASRModelID = on, p.get("ASRModelId")
	return nil
}
