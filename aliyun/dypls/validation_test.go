package dypls_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// before is a moment at which all samples are still in time.
var before = expiration.Add(-time.Hour)

// rulesOf lists an error's problems as "Field rule", in their order.
func rulesOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*dypls.ValidationError](err)
	if !ok {
		t.Fatalf("a %T, not a *ValidationError: %v", err, err)
	}
	var rules []string
	for _, p := range invalid.Problems {
		if p.Rule == "" || p.Remedy == "" {
			t.Errorf("a problem must name rule and remedy: %+v", p)
		}
		rules = append(rules, p.Field+" "+p.Rule)
	}
	return rules
}

// with returns a copy of a request in which one field has another value.
func with[Req dypls.Request](request Req, field string, value any) dypls.Request {
	changed := reflect.New(reflect.TypeOf(request)).Elem()
	changed.Set(reflect.ValueOf(request))
	target := changed.FieldByName(field)
	target.Set(reflect.ValueOf(value).Convert(target.Type()))
	return changed.Interface().(dypls.Request)
}

const (
	isRequired  = "is required"
	subscriber  = "must be a mobile number of 11 digits or a landline number with area code, digits only"
	dialable    = "must be 3-20 digits"
	plainText   = "must be UTF-8 text without control characters"
	jsonObject  = "must hold a JSON object"
	restriction = "must be one of CONTROL_AX_DISABLE, CONTROL_BX_DISABLE, CONTROL_CLEAR_DISABLE"
)

// Each sample is valid, so each of these has exactly one thing wrong with it, or nothing where rule is "".
func TestValidateOneRule(t *testing.T) {
	t.Parallel()
	const binds = "BindAxb BindAxn BindAxnExtension BindAxg"
	const all = binds + " UnbindSubscription UpdateSubscription QuerySubscriptionDetail QuerySubsId QueryRecordFileDownloadUrl"
	tests := map[string]struct {
		actions string
		field   string // of the struct
		value   any
		problem string
	}{
		"PoolKey missing":               {binds + " QuerySubsId", "PoolKey", "", "PoolKey " + isRequired},
		"PoolKey with a control":        {all, "PoolKey", "FC1\n", "PoolKey " + plainText},
		"PoolKey of another encoding":   {all, "PoolKey", "\xb1\xb1", "PoolKey " + plainText},
		"PoolKey that lost its letters": {all, "PoolKey", "\uFFFD", "PoolKey " + plainText},
		"A missing":                     {binds, "PhoneNoA", "", "PhoneNoA " + isRequired},
		"B missing":                     {"BindAxb", "PhoneNoB", "", "PhoneNoB " + isRequired},
		"B not needed":                  {"BindAxn BindAxnExtension BindAxg", "PhoneNoB", "", ""},
		"X not needed":                  {"BindAxb BindAxn BindAxg", "PhoneNoX", "", ""},
		"X missing":                     {"UpdateSubscription QuerySubscriptionDetail QuerySubsId", "PhoneNoX", "", "PhoneNoX " + isRequired},
		"SecretNo missing":              {"UnbindSubscription", "SecretNo", "", "SecretNo " + isRequired},
		"Expiration missing":            {binds, "Expiration", dypls.Time{}, "Expiration " + isRequired},
		"GroupId missing":               {"BindAxg", "GroupID", "", "GroupId " + isRequired},
		"SubsId missing":                {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail", "SubsID", "", "SubsId " + isRequired},
		"CallId missing":                {"QueryRecordFileDownloadUrl", "CallID", "", "CallId " + isRequired},
		"CallId of 100 characters":      {"QueryRecordFileDownloadUrl", "CallID", strings.Repeat("话", 100), ""},
		"CallId of 101 characters":      {"QueryRecordFileDownloadUrl", "CallID", strings.Repeat("c", 101), "CallId must have at most 100 characters"},
		"CallTime missing":              {"QueryRecordFileDownloadUrl", "CallTime", dypls.Time{}, "CallTime " + isRequired},
		"CallTime in the unit of ms": {"QueryRecordFileDownloadUrl", "CallTime", dypls.At(time.Unix(1629893489000, 0)),
			"CallTime must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999"},
		"CallTime before 1970": {"QueryRecordFileDownloadUrl", "CallTime", dypls.At(time.Date(1969, 12, 31, 15, 59, 59, 0, time.UTC)),
			"CallTime must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999"},
		"CallTime at the first instant of 1970 in Beijing": {"QueryRecordFileDownloadUrl", "CallTime", dypls.At(time.Date(1969, 12, 31, 16, 0, 0, 0, time.UTC)), ""},
		"OperateType missing":                              {"UpdateSubscription", "OperateType", "", "OperateType " + isRequired},
		"OperateType in another case": {"UpdateSubscription", "OperateType", "UpdateNoA", "OperateType must be one of updateNoA, updateNoB, updateExpire, " +
			"updateAxgGroup, updateCallRestrict, updateCallDisplayType, updateOutId, updateIsRecordingEnabled, updateAsr"},
		"ProductType unknown": {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail QueryRecordFileDownloadUrl", "ProductType", "AXB",
			"ProductType must be one of AXB_170, AXN_170, AXN_95, AXN_EXTENSION_REUSE"},
		"PoolKey in place of ProductType":      {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail QueryRecordFileDownloadUrl", "ProductType", "", ""},
		"ProductType in place of PoolKey":      {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail QueryRecordFileDownloadUrl", "PoolKey", "", ""},
		"city with its suffix":                 {binds, "ExpectCity", "北京市", "ExpectCity must be a city name without 市"},
		"city with a control":                  {binds, "ExpectCity", "北京\r", "ExpectCity " + plainText},
		"OutId with a control":                 {binds + " UpdateSubscription", "OutID", "a\x00", "OutId " + plainText},
		"OutOrderId with a control":            {binds, "OutOrderID", "a\x7f", "OutOrderId " + plainText},
		"CallRestrict unknown":                 {binds + " UpdateSubscription", "CallRestrict", "CONTROL", "CallRestrict " + restriction},
		"CallDisplayType 2":                    {binds + " UpdateSubscription", "CallDisplayType", 2, "CallDisplayType must be between 1 and 1"},
		"CallDisplayType below 0":              {binds + " UpdateSubscription", "CallDisplayType", -1, "CallDisplayType must be between 1 and 1"},
		"RingConfig no JSON":                   {binds + " UpdateSubscription", "RingConfig", "100", "RingConfig " + jsonObject},
		"RingConfig a string":                  {binds + " UpdateSubscription", "RingConfig", `"a"`, "RingConfig " + jsonObject},
		"RingConfig an array":                  {binds + " UpdateSubscription", "RingConfig", `[{}]`, "RingConfig " + jsonObject},
		"RingConfig null":                      {binds + " UpdateSubscription", "RingConfig", `null`, "RingConfig " + jsonObject},
		"RingConfig cut off":                   {binds + " UpdateSubscription", "RingConfig", `{"a":`, "RingConfig " + jsonObject},
		"RingConfig with more behind":          {binds + " UpdateSubscription", "RingConfig", `{}{}`, "RingConfig " + jsonObject},
		"RingConfig empty":                     {binds + " UpdateSubscription", "RingConfig", `{}`, ""},
		"DtmfConfig no JSON":                   {"BindAxb", "DTMFConfig", "maxLoop=5", "DtmfConfig " + jsonObject},
		"ASRModelId with a control":            {binds + " UpdateSubscription", "ASRModelID", "m\x01", "ASRModelId " + plainText},
		"ASRModelId missing where ASR is on":   {"UpdateSubscription", "ASRModelID", "", "ASRModelId is required where ASRStatus is true"},
		"CallTimeout of AXB below 0":           {"BindAxb", "CallTimeout", -1, "CallTimeout must be between 1 and 180"},
		"CallTimeout of AXB least":             {"BindAxb", "CallTimeout", 1, ""},
		"CallTimeout of AXB most":              {"BindAxb", "CallTimeout", 180, ""},
		"CallTimeout of AXB too long":          {"BindAxb", "CallTimeout", 181, "CallTimeout must be between 1 and 180"},
		"CallTimeout of AXN too short":         {"BindAxn", "CallTimeout", 4, "CallTimeout must be between 5 and 20"},
		"CallTimeout of AXN least":             {"BindAxn", "CallTimeout", 5, ""},
		"CallTimeout of AXN too long":          {"BindAxn", "CallTimeout", 21, "CallTimeout must be between 5 and 20"},
		"Extension of 4 digits":                {"BindAxnExtension", "Extension", "1234", "Extension must be 1-3 digits"},
		"Extension with a letter":              {"BindAxnExtension", "Extension", "12a", "Extension must be 1-3 digits"},
		"Extension in full width":              {"BindAxnExtension", "Extension", "１", "Extension must be 1-3 digits"},
		"Extension without X":                  {"BindAxnExtension", "PhoneNoX", "", "Extension goes only with PhoneNoX"},
		"Extension left to the platform":       {"BindAxnExtension", "Extension", "", ""},
		"NoType with a control":                {"BindAxn", "NoType", "a\n", "NoType " + plainText},
		"Extend with a control":                {"BindAxn BindAxnExtension", "Extend", "a\n", "Extend " + plainText},
		"GroupId with a control":               {"BindAxg UpdateSubscription", "GroupID", "a\n", "GroupId " + plainText},
		"SubsId with a control":                {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail", "SubsID", "a\n", "SubsId " + plainText},
		"Expiration made from the wrong unit":  {binds + " UpdateSubscription", "Expiration", dypls.At(time.Unix(1795343400000, 0)), "Expiration must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999"},
		"Expiration of the last second of all": {binds, "Expiration", dypls.At(time.Date(9999, 12, 31, 15, 59, 59, 0, time.UTC)), ""},
	}
	for name, tt := range tests {
		for action := range strings.FieldsSeq(tt.actions) {
			t.Run(name+"/"+action, func(t *testing.T) {
				t.Parallel()
				var want []string
				if tt.problem != "" {
					want = []string{tt.problem}
				}
				err := dypls.ValidateAt(with(samples[action].full, tt.field, tt.value), before)
				if diff := cmp.Diff(want, rulesOf(t, err)); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
	}
}
