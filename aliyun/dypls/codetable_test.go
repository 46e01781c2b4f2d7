package dypls_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// meaning is what follows from a code.
type meaning struct {
	Class      dypls.Class
	Scope      dypls.Scope
	MayHaveRun bool
}

// The kinds of code, from the safest to the one that must not be repeated blindly.
var (
	rejected      = meaning{dypls.Rejected, dypls.ScopeRequest, false}
	exhausted     = meaning{dypls.Exhausted, dypls.ScopePool, false}
	throttled     = meaning{dypls.Throttled, dypls.ScopeAction, false}
	deniedPool    = meaning{dypls.Denied, dypls.ScopePool, false}
	deniedAction  = meaning{dypls.Denied, dypls.ScopeAction, false}
	deniedAccount = meaning{dypls.Denied, dypls.ScopeAccount, false}
	answered      = meaning{dypls.Unavailable, dypls.ScopeRequest, true}
	uncertain     = meaning{dypls.Uncertain, dypls.ScopeRequest, true}
)

// wantCodes is written from the API's documents, not from the table it checks. A * is a family.
var wantCodes = map[string]meaning{
	// The documents of 2018 and 2019.
	"OK":                        {"", dypls.ScopeRequest, true},
	"isp.RAM_PERMISSION_DENY":   deniedAction,
	"isv.OUT_OF_SERVICE":        deniedAccount,
	"isv.PRODUCT_UN_SUBSCRIPT":  deniedAccount,
	"isv.PRODUCT_UNSUBSCRIBE":   deniedAccount,
	"isv.ACCOUNT_NOT_EXISTS":    deniedAccount,
	"isv.ACCOUNT_ABNORMAL":      deniedAccount,
	"isp.SYSTEM_ERROR":          answered,
	"isp.UNKNOWN_ERR_CODE":      answered,
	"isv.PARTNER_NOT_EXIST":     deniedPool,
	"isv.NO_NOT_EXIST":          rejected,
	"isv.ILLEGAL_ARGUMENT":      rejected,
	"isp.DAO_EXCEPTION":         answered,
	"isv.NO_AVAILABLE_NUMBER":   exhausted,
	"isp.VENDOR_UNAVAILABLE":    answered,
	"isv.FLOW_LIMIT":            throttled,
	"isv.PARTNER_IS_CLOSED":     deniedPool,
	"isv.FORBIDDEN_ACTION":      rejected,
	"isv.NO_USED_BY_OTHERS":     rejected,
	"isv.VENDOR_BIND_FAILED":    answered,
	"isv.EXPIRE_DATE_ILLEGAL":   rejected,
	"isv.MOBILE_NUMBER_ILLEGAL": rejected,
	"isv.BIND_CONFLICT":         rejected,
	// The help page on error codes, and the metadata.
	"isv.SUBS_NOT_EXIST":      rejected,
	"isv.UPDATE_CONFLICT":     rejected,
	"isv.POOLKEY_NOT_EXISTS":  rejected,
	"POOLKEY_NOT_EXIST":       rejected,
	"isv.INVALID_PARAMETERS":  rejected,
	"isv.BUY_NUM_OVER_LIMIT":  rejected,
	"isp.GATEWAY_ERROR":       answered,
	"FlowLimited":             throttled,
	"System.LimitControl":     throttled,
	"RamPermissionDenied":     deniedAction,
	"Unknown.ResourceOwnerId": deniedAccount,
	// The gateway.
	"Missing*":                    rejected,
	"Invalid*":                    rejected,
	"InvalidApi.NotFound":         deniedAccount,
	"InvalidAction.NotFound":      deniedAccount,
	"InvalidProduct.NotFound":     deniedAccount,
	"InvalidVersion":              deniedAccount,
	"NoSuchVersion":               deniedAccount,
	"UnsupportedOperation":        deniedAccount,
	"UnsupportedHTTPMethod":       deniedAccount,
	"InvalidProtocol.NeedSsl":     deniedAccount,
	"InvalidAccessKeyId*":         deniedAccount,
	"InvalidAccessKeyId.NotFound": deniedAccount,
	"InvalidAccessKeyId.Inactive": deniedAccount,
	"SignatureDoesNotMatch":       deniedAccount,
	"IncompleteSignature":         deniedAccount,
	"InvalidSignatureMethod":      deniedAccount,
	"InvalidSecurityToken*":       deniedAccount,
	"InvalidTimeStamp*":           deniedAccount,
	"IllegalTimestamp":            deniedAccount,
	"SignatureNonceUsed":          uncertain,
	"Throttling":                  throttled,
	"Throttling.*":                throttled,
	"Forbidden":                   deniedAction,
	"Forbidden.*":                 deniedAction,
	"Forbidden.RAM":               deniedAction,
	"NoPermission":                deniedAction,
	"Permission.NotAuthorized":    deniedAction,
	"Forbidden.RiskControl":       deniedAccount,
	"Forbidden.UserVerification":  deniedAccount,
	"InsufficientBalance":         deniedAccount,
	"InternalError":               uncertain,
	"ServiceUnavailable":          uncertain,
	// Ours.
	dypls.CodeExpired:        rejected,
	dypls.CodeCanceled:       rejected,
	dypls.CodeInvalidPayload: rejected,
	dypls.CodePanic:          uncertain,
	dypls.CodeNoAnswer:       uncertain,
	dypls.CodeNotSent:        {dypls.Unavailable, dypls.ScopeRequest, false},
	dypls.CodeUndecryptable:  {dypls.Denied, dypls.ScopeRequest, false},
}

// seedCodes is the list of both documents of 2018 and 2019, word for word.
const seedCodes = `OK | 请求成功
isp.RAM_PERMISSION_DENY | RAM权限DENY
isv.OUT_OF_SERVICE | 业务停机
isv.PRODUCT_UN_SUBSCRIPT | 未开通云通信产品的阿里云客户
isv.PRODUCT_UNSUBSCRIBE | 产品未开通
isv.ACCOUNT_NOT_EXISTS | 账户不存在
isv.ACCOUNT_ABNORMAL | 账户异常
isp.SYSTEM_ERROR | 系统错误
isp.UNKNOWN_ERR_CODE | 运营商未知错误
isv.PARTNER_NOT_EXIST | 未知合作伙伴
isv.NO_NOT_EXIST | 号码不存在
isv.ILLEGAL_ARGUMENT | 参数非法
isp.DAO_EXCEPTION | 数据库异常
isv.NO_AVAILABLE_NUMBER | 无可用号码
isp.VENDOR_UNAVAILABLE | 运营商降级
isv.FLOW_LIMIT | 业务流控
isv.PARTNER_IS_CLOSED | partner被关停
isv.FORBIDDEN_ACTION | 无权操作
isv.NO_USED_BY_OTHERS | 码被其他业务方占用
isv.VENDOR_BIND_FAILED | 运营商绑定失败
isv.EXPIRE_DATE_ILLEGAL | 过期时间非法
isv.MOBILE_NUMBER_ILLEGAL | 号码格式非法
isv.BIND_CONFLICT | 绑定冲突`

func TestCodesMean(t *testing.T) {
	t.Parallel()
	got := map[string]meaning{}
	for _, row := range dypls.Codes() {
		if _, twice := got[row.Code]; twice {
			t.Errorf("%s is in the table twice", row.Code)
		}
		got[row.Code] = meaning{row.Class, row.Scope, row.MayHaveRun}
	}
	if diff := cmp.Diff(wantCodes, got); diff != "" {
		t.Errorf("codes (-documented +table):\n%s", diff)
	}
}

func TestCodesOfTheSeed(t *testing.T) {
	t.Parallel()
	rows := strings.Split(seedCodes, "\n")
	if len(rows) != 23 {
		t.Fatalf("%d rows, want 23", len(rows))
	}
	for _, row := range rows {
		code, chinese, _ := strings.Cut(row, " | ")
		info, known := dypls.LookupCode(code)
		if !known || info.Code != code || info.Chinese != chinese || info.Layer != dypls.LayerService {
			t.Errorf("%s: got %+v, want a row of the service's with %s", code, info, chinese)
		}
	}
}
