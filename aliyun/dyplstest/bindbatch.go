package dyplstest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// axgAction is BindAxg: the items of a batch are checked as it is.
var axgAction = action{
	required: []string{"PhoneNoA", "Expiration", "GroupId"}, flags: bindFlags,
	numbers: map[string]bounds{"CallDisplayType": displayType}, perform: bindAXG,
}

// bindBatchAXG makes each bind of a list as if it came alone. One that fails keeps no other from
// being made.
func bindBatchAXG(s *service, p parameters) answer {
	pool, refusal := s.pool(p)
	if refusal != nil {
		return *refusal
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal([]byte(p.get("AxgBindList")), &items) != nil || len(items) == 0 {
		return *illegal("axgBindList must be a JSON array of objects")
	}
	list := &bindListDTO{SecretBind: make([]bindItemDTO, len(items))}
	for i, item := range items {
		one := itemParameters(item, pool.Key)
		a := s.bindItem(one)
		made := bindDTO{}
		if a.fields.SecretBindDTO != nil {
			made = *a.fields.SecretBindDTO
		}
		list.SecretBind[i] = bindItemDTO{
			Code: a.code, Message: a.message, bindDTO: made,
			GroupID: one.get("GroupId"), PhoneNoA: one.get("PhoneNoA"),
		}
	}
	return ok(fields{SecretBindList: list})
}

func (s *service) bindItem(p parameters) answer {
	if refusal := axgAction.check(p); refusal != nil {
		return *illegal(refusal.message) // the gateway looks at what is outside of the list alone
	}
	return axgAction.perform(s, p)
}

// itemParameters are an item's members as parameters of its own. The flags and the number are
// strings in older SDKs.
func itemParameters(item map[string]json.RawMessage, poolKey string) parameters {
	p := parameters{{"PoolKey", poolKey}}
	for name, value := range item {
		text := string(value)
		var unquoted string
		if json.Unmarshal(value, &unquoted) == nil {
			text = unquoted // "" for null
		}
		if name != "PoolKey" {
			p = append(p, parameter{name, text})
		}
	}
	slices.SortFunc(p, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	return p
}

// isPlainBind reports whether an action makes one binding.
func isPlainBind(action string) bool {
	return strings.HasPrefix(action, "Bind") && action != dypls.BindBatchAXG.Action
}
