package dyplstest

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// action is one action of the API: what the gateway checks about its parameters, and what the
// service does.
type action struct {
	required []string          // the gateway answers Missing... without
	flags    []string          // true or false
	numbers  map[string]bounds // whole numbers
	perform  func(*service, parameters) answer
}

// bounds are the least and the greatest value.
type bounds struct{ least, most int }

// service performs one call, under the simulator's lock.
type service struct {
	*Simulator
	account *account
	now     time.Time
	base    string // of links to recordings, where Config names none
}

var (
	bindFlags   = []string{"IsRecordingEnabled", "ASRStatus"}
	displayType = bounds{-1 << 31, 1<<31 - 1}
	anyWhole    = bounds{math.MinInt, math.MaxInt}
)

// actions are all that are simulated. What the gateway checks is what the API's public metadata
// marks as required.
var actions = map[string]action{
	"BindAxn": {
		required: []string{"PhoneNoA", "Expiration"},
		flags:    bindFlags,
		numbers: map[string]bounds{
			"CallDisplayType": displayType,
			"CallTimeout":     {5, 20},
		},
		perform: bindAXN,
	},
	"BindAxb": {
		required: []string{"PhoneNoA", "Expiration"},
		flags:    bindFlags,
		numbers: map[string]bounds{
			"CallDisplayType": displayType,
			"CallTimeout":     {0, 180},
		},
		perform: bindAXB,
	},
	"BindAxnExtension": {
		required: []string{"PhoneNoA", "Expiration"}, flags: bindFlags,
		numbers: map[string]bounds{"CallDisplayType": displayType}, perform: bindAXNExtension,
	},
	"BindAxg":            axgAction,
	"BindBatchAxg":       {required: []string{"AxgBindList"}, perform: bindBatchAXG},
	"UnbindSubscription": {required: []string{"SubsId", "SecretNo"}, perform: unbind},
	"UpdateSubscription": {
		required: []string{"SubsId", "PhoneNoX", "OperateType"}, flags: bindFlags,
		numbers: map[string]bounds{"CallDisplayType": displayType}, perform: update,
	},
	"QuerySubscriptionDetail":    {required: []string{"SubsId", "PhoneNoX"}, perform: queryDetail},
	"QuerySubsId":                {required: []string{"PhoneNoX"}, perform: querySubsID},
	"QueryTokenForMnsQueue":      {required: []string{"MessageType"}, perform: queryToken},
	"QueryRecordFileDownloadUrl": {required: []string{"CallId"}, perform: queryRecording},
	"GetTotalPublicUrl": {
		required: []string{"CheckSubs", "PartnerKey", "CallId", "CallTime"}, flags: []string{"CheckSubs"},
		perform: queryPublicURLs,
	},
	"GetSecretAsrDetail": {
		required: []string{"CallId", "CallTime", "PoolKey"}, perform: queryTranscript,
	},
	"LockSecretNo":        {required: []string{"PoolKey", "SecretNo"}, perform: lock},
	"UnlockSecretNo":      {required: []string{"PoolKey", "SecretNo"}, perform: unlock},
	"QuerySecretNoDetail": {required: []string{"SecretNo", "PoolKey"}, perform: queryNumber},
	"QuerySecretNoRemain": {
		required: []string{"SpecId", "City"},
		numbers:  map[string]bounds{"SpecId": {dypls.SpecVirtual, dypls.Spec95}}, perform: queryRemain,
	},
	"CreateAxgGroup": {required: []string{"PoolKey"}, perform: createGroup},
	"OperateAxgGroup": {
		required: []string{"PoolKey", "GroupId", "OperateType", "Numbers"},
		numbers:  map[string]bounds{"GroupId": anyWhole}, perform: operateGroup,
	},
	"DeleteAxgGroup": {
		required: []string{"PoolKey", "GroupId"},
		numbers:  map[string]bounds{"GroupId": anyWhole}, perform: deleteGroup,
	},
}

// check does what the gateway does before the service sees a call.
func (a action) check(p parameters) *answer {
	for _, name := range a.required {
		if p.get(name) == "" {
			return refuse("Missing"+name, name+" is mandatory for this action.")
		}
	}
	for _, one := range p {
		if slices.Contains(a.flags, one.name) && one.value != "true" && one.value != "false" {
			return refuse(
				"Invalid"+one.name,
				"The specified parameter "+one.name+" is not valid: write true or false.",
			)
		}
		if limits, isNumber := a.numbers[one.name]; isNumber {
			if n, err := strconv.Atoi(one.value); err != nil || n < limits.least || n > limits.most {
				return refuse(
					"Invalid"+one.name,
					"The specified parameter "+one.name+" is not valid: it must be a number within its bounds.",
				)
			}
		}
	}
	return nil
}
