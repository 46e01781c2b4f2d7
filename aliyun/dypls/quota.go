package dypls

import (
	"maps"
	"slices"
)

// quotas are the calls a second that an account may make of each action, all its users and keys
// together. Sources: the help page of the quotas of the number-privacy service, and the pages of
// the actions. Where they differ, or a page says nothing, the lower figure stands. What an account
// really has is shown in its Quota Center, and may be another.
var quotas = map[string]int{
	"BindAxb": 5000, "BindAxg": 5000, "BindAxn": 5000, "BindAxnExtension": 5000,
	"UnbindSubscription":         5000,
	"UpdateSubscription":         10000, // the quotas' page says 12,000
	"QuerySubscriptionDetail":    1000,  // the official SDK says 5,000
	"QuerySubsId":                1000,
	"QueryRecordFileDownloadUrl": 3000,
}

// directQuotas are those of the operations that no queue performs, from the same pages. Of
// QuerySecretNoRemain none is published.
var directQuotas = map[string]int{
	"GetTotalPublicUrl":   1000,
	"GetSecretAsrDetail":  100,
	"QuerySecretNoDetail": 1000,
	"LockSecretNo":        500, "UnlockSecretNo": 500,
	"CreateAxgGroup": 5000, "OperateAxgGroup": 5000, "DeleteAxgGroup": 5000,
	"BindBatchAxg": 5000,
}

// Quota returns the published quota of an action: the calls a second that one account may make, in
// windows of one second. An account's own may be lower, and its other programs share it.
func Quota(action string) (perSecond int, published bool) {
	if perSecond, published = quotas[action]; !published {
		perSecond, published = directQuotas[action]
	}
	return perSecond, published
}

// QuotaActions returns the actions, sorted, of which a queue keeps to the quota: those that are
// performed later, and those that look up what one of them did.
func QuotaActions() []string { return slices.Sorted(maps.Keys(quotas)) }
