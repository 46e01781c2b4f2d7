package dypls_test

import (
	"errors"
	"fmt"
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
	plainText   = "must not contain control characters"
	isUTF8      = "must be UTF-8 text"
	spaceless   = "must not contain white space"
	jsonObject  = "must hold a JSON object"
	restriction = "must be one of CONTROL_AX_DISABLE, CONTROL_BX_DISABLE, CONTROL_CLEAR_DISABLE"
)

func manyNumbers(n int) []dypls.Phone {
	numbers := make([]dypls.Phone, n)
	for i := range numbers {
		numbers[i] = dypls.Phone(fmt.Sprintf("15%09d", i))
	}
	return numbers
}

func manyBinds(n int) []dypls.AXGBind {
	binds := make([]dypls.AXGBind, n)
	for i, a := range manyNumbers(n) {
		binds[i] = dypls.AXGBind{PhoneNoA: a, GroupID: "2000000000001", PhoneNoX: numberX, Expiration: expiration, OutID: fmt.Sprintf("order-%d", i)}
	}
	return binds
}

// Each item of a batch is checked as it would be alone, and named by its place.
func TestValidateBatch(t *testing.T) {
	t.Parallel()
	good := samples["BindBatchAxg"].minimal.(dypls.BindBatchAXGRequest).AxgBindList[0]
	late, alike := good, good
	late.Expiration = dypls.At(before.Add(time.Minute))
	alike.PhoneNoX, alike.ExpectCity = good.PhoneNoA, "北京市"
	err := dypls.ValidateAt(dypls.BindBatchAXGRequest{AxgBindList: []dypls.AXGBind{good, {}, late, alike}}, before)
	want := []string{
		"PoolKey " + isRequired, "AxgBindList[1].PhoneNoA " + isRequired, "AxgBindList[1].GroupId " + isRequired, "AxgBindList[1].Expiration " + isRequired,
		"AxgBindList[2].Expiration must be more than 60 s ahead (Beijing time)", "AxgBindList[3].PhoneNoX must be another number than PhoneNoA",
		"AxgBindList[3].ExpectCity must be a city name without 市",
	}
	if diff := cmp.Diff(want, rulesOf(t, err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// Everything that is wrong with a request is told at once.
func TestValidateTellsAllOfADirectCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request dypls.Request
		want    []string
	}{
		"links":      {dypls.GetTotalPublicURLRequest{}, []string{"PartnerKey " + isRequired, "CallId " + isRequired, "CallTime " + isRequired}},
		"transcript": {dypls.GetSecretASRDetailRequest{}, []string{"PoolKey " + isRequired, "CallId " + isRequired, "CallTime " + isRequired}},
		"number":     {dypls.QuerySecretNoDetailRequest{}, []string{"PoolKey " + isRequired, "SecretNo " + isRequired}},
		"lock":       {dypls.LockSecretNoRequest{SecretNo: "1"}, []string{"PoolKey " + isRequired, "SecretNo " + dialable}},
		"unlock":     {dypls.UnlockSecretNoRequest{}, []string{"PoolKey " + isRequired, "SecretNo " + isRequired}},
		"remain":     {dypls.QuerySecretNoRemainRequest{SecretNo: "x"}, []string{"SpecId " + isRequired, "City " + isRequired, "SecretNo must be 1-18 digits"}},
		"create":     {dypls.CreateAXGGroupRequest{Numbers: []dypls.Phone{"1", numberA, "x"}}, []string{"PoolKey " + isRequired, "Numbers[0] " + dialable, "Numbers[2] " + dialable}},
		"operate":    {dypls.OperateAXGGroupRequest{}, []string{"PoolKey " + isRequired, "GroupId " + isRequired, "OperateType " + isRequired, "Numbers " + isRequired}},
		"delete":     {dypls.DeleteAXGGroupRequest{GroupID: "-1"}, []string{"PoolKey " + isRequired, "GroupId must be a whole number above 0"}},
		"batch":      {dypls.BindBatchAXGRequest{}, []string{"PoolKey " + isRequired, "AxgBindList " + isRequired}},
	} {
		if diff := cmp.Diff(test.want, rulesOf(t, test.request.Validate())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Each sample is valid, so each of these has exactly one thing wrong with it, or nothing where rule
// is "".
func TestValidateOneRule(t *testing.T) {
	t.Parallel()
	const binds = "BindAxb BindAxn BindAxnExtension BindAxg"
	const all = binds + " UnbindSubscription UpdateSubscription QuerySubscriptionDetail QuerySubsId QueryRecordFileDownloadUrl"
	const ofCalls, ofNumbers = "GetTotalPublicUrl GetSecretAsrDetail", "QuerySecretNoDetail LockSecretNo UnlockSecretNo"
	const ofGroups = "CreateAxgGroup OperateAxgGroup"
	const inPool = "GetSecretAsrDetail DeleteAxgGroup BindBatchAxg " + ofNumbers + " " + ofGroups
	tests := map[string]struct {
		actions string
		field   string // of the struct
		value   any
		problem string
	}{
		"PoolKey missing":               {binds + " QuerySubsId", "PoolKey", "", "PoolKey " + isRequired},
		"PoolKey with a control":        {all, "PoolKey", "FC1\x01", "PoolKey " + plainText},
		"PoolKey of another encoding":   {all, "PoolKey", "\xb1\xb1", "PoolKey " + isUTF8},
		"PoolKey that lost its letters": {all, "PoolKey", "\uFFFD", "PoolKey " + isUTF8},
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
		"PoolKey in place of ProductType":            {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail QueryRecordFileDownloadUrl", "ProductType", "", ""},
		"ProductType in place of PoolKey":            {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail QueryRecordFileDownloadUrl", "PoolKey", "", ""},
		"city with its suffix":                       {binds, "ExpectCity", "北京市", "ExpectCity must be a city name without 市"},
		"city with a control":                        {binds, "ExpectCity", "北京\x7f", "ExpectCity " + plainText},
		"OutId with a control":                       {binds + " UpdateSubscription", "OutID", "a\x00", "OutId " + plainText},
		"OutOrderId with a control":                  {binds, "OutOrderID", "a\x7f", "OutOrderId " + plainText},
		"CallRestrict unknown":                       {binds + " UpdateSubscription", "CallRestrict", "CONTROL", "CallRestrict " + restriction},
		"CallDisplayType 2":                          {binds + " UpdateSubscription", "CallDisplayType", 2, "CallDisplayType must be between 1 and 1"},
		"CallDisplayType below 0":                    {binds + " UpdateSubscription", "CallDisplayType", -1, "CallDisplayType must be between 1 and 1"},
		"RingConfig no JSON":                         {binds + " UpdateSubscription", "RingConfig", "100", "RingConfig " + jsonObject},
		"RingConfig a string":                        {binds + " UpdateSubscription", "RingConfig", `"a"`, "RingConfig " + jsonObject},
		"RingConfig an array":                        {binds + " UpdateSubscription", "RingConfig", `[{}]`, "RingConfig " + jsonObject},
		"RingConfig null":                            {binds + " UpdateSubscription", "RingConfig", `null`, "RingConfig " + jsonObject},
		"RingConfig cut off":                         {binds + " UpdateSubscription", "RingConfig", `{"a":`, "RingConfig " + jsonObject},
		"RingConfig with more behind":                {binds + " UpdateSubscription", "RingConfig", `{}{}`, "RingConfig " + jsonObject},
		"RingConfig empty":                           {binds + " UpdateSubscription", "RingConfig", `{}`, ""},
		"DtmfConfig no JSON":                         {"BindAxb", "DTMFConfig", "maxLoop=5", "DtmfConfig " + jsonObject},
		"ASRModelId with a control":                  {binds + " UpdateSubscription", "ASRModelID", "m\x01", "ASRModelId " + plainText},
		"ASRModelId missing where ASR is on":         {"UpdateSubscription", "ASRModelID", "", "ASRModelId is required where ASRStatus is true"},
		"CallTimeout of AXB below 0":                 {"BindAxb", "CallTimeout", -1, "CallTimeout must be between 1 and 180"},
		"CallTimeout of AXB least":                   {"BindAxb", "CallTimeout", 1, ""},
		"CallTimeout of AXB most":                    {"BindAxb", "CallTimeout", 180, ""},
		"CallTimeout of AXB too long":                {"BindAxb", "CallTimeout", 181, "CallTimeout must be between 1 and 180"},
		"CallTimeout of AXN too short":               {"BindAxn", "CallTimeout", 4, "CallTimeout must be between 5 and 20"},
		"CallTimeout of AXN least":                   {"BindAxn", "CallTimeout", 5, ""},
		"CallTimeout of AXN too long":                {"BindAxn", "CallTimeout", 21, "CallTimeout must be between 5 and 20"},
		"Extension of 4 digits":                      {"BindAxnExtension", "Extension", "1234", "Extension must be 1-3 digits"},
		"Extension with a letter":                    {"BindAxnExtension", "Extension", "12a", "Extension must be 1-3 digits"},
		"Extension in full width":                    {"BindAxnExtension", "Extension", "１", "Extension must be 1-3 digits"},
		"Extension without X":                        {"BindAxnExtension", "PhoneNoX", "", "Extension goes only with PhoneNoX"},
		"Extension left to the platform":             {"BindAxnExtension", "Extension", "", ""},
		"NoType with a control":                      {"BindAxn", "NoType", "a\x02", "NoType " + plainText},
		"Extend with a control":                      {"BindAxn BindAxnExtension", "Extend", "a\n", "Extend " + plainText},
		"GroupId with a control":                     {"BindAxg UpdateSubscription", "GroupID", "a\x02", "GroupId " + plainText},
		"SubsId with a control":                      {"UnbindSubscription UpdateSubscription QuerySubscriptionDetail", "SubsID", "a\x02", "SubsId " + plainText},
		"Expiration made from the wrong unit":        {binds + " UpdateSubscription", "Expiration", dypls.At(time.Unix(1795343400000, 0)), "Expiration must be a time yyyy-MM-dd HH:mm:ss of the years 1970 to 9999"},
		"Expiration of the last second of all":       {binds, "Expiration", dypls.At(time.Date(9999, 12, 31, 15, 59, 59, 0, time.UTC)), "Expiration must be at most 100 years ahead"},
		"Expiration without end, as people write it": {binds, "Expiration", dypls.At(time.Date(2099, 12, 31, 15, 59, 59, 0, time.UTC)), ""},
		"A who is B":                                 {binds, "PhoneNoB", numberA, "PhoneNoB must be another number than PhoneNoA"},
		"A who is X":                                 {binds + " UpdateSubscription", "PhoneNoX", numberA, "PhoneNoX must be another number than PhoneNoA"},
		"B who is X":                                 {binds + " UpdateSubscription", "PhoneNoB", numberX, "PhoneNoX must be another number than PhoneNoB"},
		"CallRestrict with a space":                  {binds, "CallRestrict", "CONTROL_AX_DISABLE ", "CallRestrict " + spaceless},
		"PoolKey missing, called directly":           {inPool, "PoolKey", "", "PoolKey " + isRequired},
		"PoolKey with a blank":                       {inPool, "PoolKey", "FC 1", "PoolKey " + spaceless},
		"PartnerKey missing":                         {"GetTotalPublicUrl", "PartnerKey", "", "PartnerKey " + isRequired},
		"CheckSubs false":                            {"GetTotalPublicUrl", "CheckSubs", false, ""},
		"call without an id":                         {ofCalls, "CallID", "", "CallId " + isRequired},
		"call whose id is too long":                  {ofCalls, "CallID", strings.Repeat("c", 101), "CallId must have at most 100 characters"},
		"call without a time":                        {ofCalls, "CallTime", dypls.Time{}, "CallTime " + isRequired},
		"X missing, called directly":                 {ofNumbers, "SecretNo", "", "SecretNo " + isRequired},
		"X with a hyphen":                            {ofNumbers, "SecretNo", "170-0000", "SecretNo " + dialable},
		"SpecId missing":                             {"QuerySecretNoRemain", "SpecID", 0, "SpecId " + isRequired},
		"SpecId 4":                                   {"QuerySecretNoRemain", "SpecID", 4, "SpecId must be between 1 and 3"},
		"City missing":                               {"QuerySecretNoRemain", "City", "", "City " + isRequired},
		"City with its suffix":                       {"QuerySecretNoRemain", "City", "杭州市", "City must be a city name without 市"},
		"City of numbers of 95":                      {"QuerySecretNoRemain", "SpecID", dypls.Spec95, "City must be 全国通用 where SpecId is 3"},
		"beginning of a number, longest":             {"QuerySecretNoRemain", "SecretNo", strings.Repeat("1", 18), ""},
		"beginning of a number, too long":            {"QuerySecretNoRemain", "SecretNo", strings.Repeat("1", 19), "SecretNo must be 1-18 digits"},
		"group's name, longest":                      {"CreateAxgGroup", "Name", strings.Repeat("组", 128), ""},
		"group's name, too long":                     {"CreateAxgGroup", "Name", strings.Repeat("组", 129), "Name must have at most 128 characters"},
		"group's remark, too long":                   {"CreateAxgGroup", "Remark", strings.Repeat("r", 257), "Remark must have at most 256 characters"},
		"group's remark with a control":              {"CreateAxgGroup", "Remark", "a\x00", "Remark " + plainText},
		"group without numbers":                      {"CreateAxgGroup", "Numbers", []dypls.Phone(nil), ""},
		"numbers missing":                            {"OperateAxgGroup", "Numbers", []dypls.Phone{}, "Numbers " + isRequired},
		"numbers, most":                              {ofGroups, "Numbers", manyNumbers(200), ""},
		"numbers, one too many":                      {ofGroups, "Numbers", manyNumbers(201), "Numbers must have at most 200 numbers"},
		"numbers, a bad one":                         {ofGroups, "Numbers", []dypls.Phone{numberA, "150 0000"}, "Numbers[1] " + dialable},
		"numbers, an empty one":                      {ofGroups, "Numbers", []dypls.Phone{"", numberA}, "Numbers[0] " + dialable},
		"numbers, two in one":                        {ofGroups, "Numbers", []dypls.Phone{numberA + "," + numberB}, "Numbers[0] " + dialable},
		"GroupId of letters":                         {"OperateAxgGroup DeleteAxgGroup", "GroupID", "g1", "GroupId must be a whole number above 0"},
		"GroupId missing, called directly":           {"OperateAxgGroup DeleteAxgGroup", "GroupID", "", "GroupId " + isRequired},
		"operation missing":                          {"OperateAxgGroup", "OperateType", "", "OperateType " + isRequired},
		"operation unknown":                          {"OperateAxgGroup", "OperateType", "addNumber", "OperateType must be one of addNumbers, deleteNumbers, overwriteNumbers"},
		"batch of nothing":                           {"BindBatchAxg", "AxgBindList", []dypls.AXGBind{}, "AxgBindList " + isRequired},
		"batch, most":                                {"BindBatchAxg", "AxgBindList", manyBinds(25), ""},
		"batch, too long for a URL":                  {"BindBatchAxg", "AxgBindList", manyBinds(100), "AxgBindList must have at most 6000 bytes in a URL"},
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

// Identifiers are copied and pasted. What comes along is named, wherever it stands and however
// little it shows.
func TestValidateNamesTheSpaceInIdentifiers(t *testing.T) {
	t.Parallel()
	identifiers := map[string][]string{ // of the struct -> actions
		"PoolKey": {"BindAxn", "BindAxb", "BindAxg", "BindAxnExtension", "UnbindSubscription", "UpdateSubscription", "QuerySubsId", "QuerySubscriptionDetail", "QueryRecordFileDownloadUrl"},
		"SubsID":  {"UnbindSubscription", "UpdateSubscription", "QuerySubscriptionDetail"},
		"CallID":  {"QueryRecordFileDownloadUrl"}, "GroupID": {"BindAxg", "UpdateSubscription"},
		"OutID":      {"BindAxn", "BindAxb", "BindAxg", "BindAxnExtension", "UpdateSubscription"},
		"OutOrderID": {"BindAxn", "BindAxb", "BindAxg", "BindAxnExtension"},
		"ExpectCity": {"BindAxn", "BindAxb", "BindAxg", "BindAxnExtension"},
		"ASRModelID": {"BindAxn", "UpdateSubscription"}, "NoType": {"BindAxn"},
	}
	texts := map[string]string{ // -> where
		" 1": "in front of it", "1 ": "behind it", "1 2": "within it", "1\n": "behind it", "\t1\r\n": "in front of it", "1\u00a0": "behind it (U+00A0, which hardly shows)",
		"\u30001": "in front of it (U+3000, which hardly shows)", "1\u200b2": "within it (U+200B, which hardly shows)", "\ufeff1": "in front of it (U+FEFF, which hardly shows)",
	}
	for field, actions := range identifiers {
		for _, action := range actions {
			for text, where := range texts {
				err := with(samples[action].full, field, text).Validate()
				if text == "1 2" && (field == "OutID" || field == "OutOrderID") { // the caller's own text
					if err != nil {
						t.Errorf("%s of %s, %q: %v", field, action, text, err)
					}
					continue
				}
				invalid, is := errors.AsType[*dypls.ValidationError](err)
				if !is || len(invalid.Problems) != 1 || !strings.EqualFold(invalid.Problems[0].Field, field) ||
					invalid.Problems[0].Rule != spaceless || invalid.Problems[0].Remedy != "remove the space "+where {
					t.Errorf("%s of %s, %q: %v", field, action, text, err)
				}
			}
		}
	}
}

// A number keeps its rule, and whoever cannot see what is wrong with it is told where it stands.
func TestValidateNamesTheSpaceInNumbers(t *testing.T) {
	t.Parallel()
	for value, remedy := range map[string]string{
		"15000000002 ": "remove the space behind it", "\u200b15000000002": "remove the space in front of it (U+200B, which hardly shows)",
		"150 0000\u00a00002": "remove the space within it (U+00A0, which hardly shows)", "+86 150 0000 0002": "write it without +86, hyphens and spaces",
		"１５０００００００02": "write its digits as 0 to 9, in half width",
	} {
		for _, field := range []string{"PhoneNoA", "PhoneNoB", "PhoneNoX"} {
			invalid, is := errors.AsType[*dypls.ValidationError](with(samples["BindAxb"].full, field, value).Validate())
			if !is || len(invalid.Problems) != 1 || invalid.Problems[0].Field != field || invalid.Problems[0].Remedy != remedy {
				t.Errorf("%s %q: %v", field, value, invalid)
			}
		}
	}
}

// A call that has not happened has no recording, and a clock that is a little behind is no reason
// to refuse one that has.
func TestValidateAtCallTimeAhead(t *testing.T) {
	t.Parallel()
	const rule = "CallTime must not lie in the future: that call has not happened"
	for name, test := range map[string]struct {
		ahead time.Duration
		want  []string
	}{
		"just now": {0, nil}, "a clock that is behind": {4 * time.Minute, nil}, "in ten minutes": {10 * time.Minute, []string{rule}}, "in years": {5 * 365 * 24 * time.Hour, []string{rule}},
	} {
		request := samples["QueryRecordFileDownloadUrl"].full
		now := callTime.Add(-test.ahead)
		if diff := cmp.Diff(test.want, rulesOf(t, dypls.ValidateAt(request, now))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := request.Validate(); err != nil {
			t.Errorf("%s: without a time: %v", name, err)
		}
	}
}
