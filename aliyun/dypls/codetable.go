package dypls

// What the system does about a code, one sentence for each policy.
const (
	doesDone      = "the outcome is success"
	doesFail      = "fails at once; never repeated"
	doesThrottle  = "tried again later; uses up no attempt"
	doesRetry     = "tried again with growing, jittered delays; each call uses up an attempt"
	doesHold      = "kept and tried again until somebody mends it or its time is over; uses up no attempt"
	doesUncertain = "a change is held as uncertain and not repeated blindly; a look-up is tried again"
)

// codeTable is the one home of what a code means. Sources: the error lists of the 2018 and 2019
// documents (QueryRecordFileDownloadUrl, AXN bind), the help page on error codes of the
// number-privacy service, the API's public metadata, and the gateway's page of common errors.
var codeTable = []CodeInfo{
	{CodeExpired, LayerOurs, "任务已过期", "its time was over before a call could start", Rejected, ScopeRequest, false, doesFail, "Expiration less a margin, or the caller's within, had passed"},
	{CodeCanceled, LayerOurs, "任务已取消", "withdrawn before the call left", Rejected, ScopeRequest, false, doesFail, "its owner asked for it"},
	{CodeInvalidPayload, LayerOurs, "任务内容无法解析", "what was queued cannot be read", Rejected, ScopeRequest, false, doesFail, "reading it again gives the same"},
	{CodePanic, LayerOurs, "程序异常", "the program failed while performing it", Uncertain, ScopeRequest, true, doesUncertain, "the call may have left before the program failed"},
	{CodeNoAnswer, LayerOurs, "无有效应答", "sent, and no usable answer came back", Uncertain, ScopeRequest, true, doesUncertain, "the API has no idempotency key: sent again it could take effect twice"},
	{CodeNotSent, LayerOurs, "请求未发出", "proven not to have left", Unavailable, ScopeRequest, false, doesRetry, "no byte of the request reached a connection"},
	{CodeUndecryptable, LayerOurs, "任务内容无法解密", "what was queued does not open with the keys that there are", Denied, ScopeRequest, false, doesHold, "the key is missing, or the record was changed; with the key it goes on by itself"},

	{"Missing*", LayerGateway, "缺少参数", "a parameter is missing", Rejected, ScopeRequest, false, doesFail, "checked before dispatch"},
	{"Invalid*", LayerGateway, "参数不合法", "a parameter is invalid", Rejected, ScopeRequest, false, doesFail, "checked before dispatch"},
	{"InvalidApi.NotFound", LayerGateway, "API不存在", "no such action", Denied, ScopeAccount, false, doesHold, "wrong endpoint, action or version: a matter of configuration"},
	{"InvalidAction.NotFound", LayerGateway, "API不存在", "no such action", Denied, ScopeAccount, false, doesHold, "as InvalidApi.NotFound: the gateway answers with either"},
	{"InvalidProduct.NotFound", LayerGateway, "产品不存在", "no such product", Denied, ScopeAccount, false, doesHold, "wrong endpoint: a matter of configuration"},
	{"InvalidVersion", LayerGateway, "版本不存在", "no such version", Denied, ScopeAccount, false, doesHold, "a matter of configuration"},
	{"NoSuchVersion", LayerGateway, "版本不存在", "no such version", Denied, ScopeAccount, false, doesHold, "a matter of configuration"},
	{"UnsupportedOperation", LayerGateway, "不支持的操作", "unsupported operation", Denied, ScopeAccount, false, doesHold, "a matter of configuration"},
	{"UnsupportedHTTPMethod", LayerGateway, "不支持的HTTP方法", "unsupported HTTP method", Denied, ScopeAccount, false, doesHold, "something on the way changed the request"},
	{"InvalidProtocol.NeedSsl", LayerGateway, "需要HTTPS", "HTTPS is required", Denied, ScopeAccount, false, doesHold, "a matter of configuration"},
	{"InvalidAccessKeyId*", LayerGateway, "AccessKeyId无效", "the AccessKeyId is invalid", Denied, ScopeAccount, false, doesHold, "the credentials are wrong"},
	{"InvalidAccessKeyId.NotFound", LayerGateway, "AccessKeyId不存在", "no such AccessKeyId", Denied, ScopeAccount, false, doesHold, "the credentials are wrong"},
	{"InvalidAccessKeyId.Inactive", LayerGateway, "AccessKeyId被禁用", "the AccessKeyId is disabled", Denied, ScopeAccount, false, doesHold, "the credentials are disabled"},
	{"SignatureDoesNotMatch", LayerGateway, "签名不匹配", "the signature does not match", Denied, ScopeAccount, false, doesHold, "the secret is wrong"},
	{"IncompleteSignature", LayerGateway, "签名不完整", "the signature is incomplete", Denied, ScopeAccount, false, doesHold, "something on the way changed the request"},
	{"InvalidSignatureMethod", LayerGateway, "签名方法不支持", "unsupported signature method", Denied, ScopeAccount, false, doesHold, "something on the way changed the request"},
	{"InvalidSecurityToken*", LayerGateway, "STS令牌无效", "the security token is invalid or expired", Denied, ScopeAccount, false, doesHold, "refused before execution; fresh credentials mend it"},
	{"InvalidTimeStamp*", LayerGateway, "时间戳无效", "the timestamp is malformed or expired", Denied, ScopeAccount, false, doesHold, "refused before execution; each attempt is signed anew, so only a wrong clock persists"},
	{"IllegalTimestamp", LayerGateway, "时间戳非法", "the timestamp is illegal", Denied, ScopeAccount, false, doesHold, "as InvalidTimeStamp"},
	{"SignatureNonceUsed", LayerGateway, "签名随机数已使用", "the nonce was used before", Uncertain, ScopeRequest, true, doesUncertain, "an earlier copy of the same signed request may have run"},
	{"Throttling", LayerGateway, "网关流控", "throttled by the gateway", Throttled, ScopeAction, false, doesThrottle, "denied by flow control before dispatch"},
	{"Throttling.*", LayerGateway, "网关流控", "throttled by the gateway, by user or API", Throttled, ScopeAction, false, doesThrottle, "denied by flow control before dispatch"},
	{"Forbidden", LayerGateway, "禁止访问", "forbidden", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"Forbidden.*", LayerGateway, "禁止访问", "forbidden", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"Forbidden.RAM", LayerGateway, "RAM未授权", "not authorised by RAM", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"Forbidden.RiskControl", LayerGateway, "风控拦截", "stopped by risk control", Denied, ScopeAccount, false, doesHold, "the account is under review"},
	{"Forbidden.UserVerification", LayerGateway, "未实名认证", "the account is not verified", Denied, ScopeAccount, false, doesHold, "verify the account"},
	{"NoPermission", LayerGateway, "没有权限", "no permission", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"Permission.NotAuthorized", LayerGateway, "未授权", "not authorised", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"RamPermissionDenied", LayerGateway, "RAM权限不足", "RAM permission denied", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"Unknown.ResourceOwnerId", LayerGateway, "资源所有者未知", "unknown resource owner", Denied, ScopeAccount, false, doesHold, "the credentials belong to no known owner"},
	{"InsufficientBalance", LayerGateway, "余额不足", "insufficient balance", Denied, ScopeAccount, false, doesHold, "pay the account's bill"},
	{"InternalError", LayerGateway, "内部错误", "internal error", Uncertain, ScopeRequest, true, doesUncertain, "whether it was dispatched is unknown"},
	{"ServiceUnavailable", LayerGateway, "服务不可用", "service unavailable", Uncertain, ScopeRequest, true, doesUncertain, "whether it was dispatched is unknown"},

	{CodeOK, LayerService, "请求成功", "success", "", ScopeRequest, true, doesDone, "the API's only word for success in these actions"},
	{"isp.RAM_PERMISSION_DENY", LayerService, "RAM权限DENY", "RAM permission denied", Denied, ScopeAction, false, doesHold, "grant the RAM policy dypls:<Action>"},
	{"isv.OUT_OF_SERVICE", LayerService, "业务停机", "the service is suspended", Denied, ScopeAccount, false, doesHold, "the account is in arrears"},
	{"isv.PRODUCT_UN_SUBSCRIPT", LayerService, "未开通云通信产品的阿里云客户", "the customer has not activated the product", Denied, ScopeAccount, false, doesHold, "activate the product"},
	{"isv.PRODUCT_UNSUBSCRIBE", LayerService, "产品未开通", "the product is not activated", Denied, ScopeAccount, false, doesHold, "activate the product"},
	{"isv.ACCOUNT_NOT_EXISTS", LayerService, "账户不存在", "no such account", Denied, ScopeAccount, false, doesHold, "the credentials belong to another account"},
	{"isv.ACCOUNT_ABNORMAL", LayerService, "账户异常", "the account is abnormal", Denied, ScopeAccount, false, doesHold, "arrears, or a passing state"},
	{"isp.SYSTEM_ERROR", LayerService, "系统错误", "system error", Unavailable, ScopeRequest, true, doesRetry, "the documentation says to try again later; whether a part was done is not said"},
	{"isp.UNKNOWN_ERR_CODE", LayerService, "运营商未知错误", "unknown carrier error", Unavailable, ScopeRequest, true, doesRetry, "the carrier was already asked"},
	{"isv.PARTNER_NOT_EXIST", LayerService, "未知合作伙伴", "unknown partner", Denied, ScopePool, false, doesHold, "the pool has no owner; the documentation says to try again later"},
	{"isv.NO_NOT_EXIST", LayerService, "号码不存在", "the number is not in the account", Rejected, ScopeRequest, false, doesFail, "X is wrong"},
	{"isv.ILLEGAL_ARGUMENT", LayerService, "参数非法", "illegal argument", Rejected, ScopeRequest, false, doesFail, "the request itself is wrong"},
	{"isp.DAO_EXCEPTION", LayerService, "数据库异常", "database exception", Unavailable, ScopeRequest, true, doesRetry, "may follow a success at the carrier"},
	{"isv.NO_AVAILABLE_NUMBER", LayerService, "无可用号码", "no number available", Exhausted, ScopePool, false, doesFail, "the pool has none left for this A and B, or this city"},
	{"isp.VENDOR_UNAVAILABLE", LayerService, "运营商降级", "the carrier is degraded", Unavailable, ScopeRequest, true, doesRetry, "the carrier may have been asked"},
	{"isv.FLOW_LIMIT", LayerService, "业务流控", "throttled by the service", Throttled, ScopeAction, false, doesThrottle, "refused by a limiter before execution"},
	{"isv.PARTNER_IS_CLOSED", LayerService, "partner被关停", "the partner is shut down", Denied, ScopePool, false, doesHold, "the pool is closed"},
	{"isv.FORBIDDEN_ACTION", LayerService, "无权操作", "not allowed", Rejected, ScopeRequest, false, doesFail, "an expired binding, an X of another pool, or a pool of another kind"},
	{"isv.NO_USED_BY_OTHERS", LayerService, "码被其他业务方占用", "the number is used by another business", Rejected, ScopeRequest, false, doesFail, "take another X"},
	{"isv.VENDOR_BIND_FAILED", LayerService, "运营商绑定失败", "the carrier could not bind", Unavailable, ScopeRequest, true, doesRetry, "the carrier was already asked"},
	{"isv.EXPIRE_DATE_ILLEGAL", LayerService, "过期时间非法", "the expiration is illegal", Rejected, ScopeRequest, false, doesFail, "not more than a minute ahead, in Beijing time"},
	{"isv.MOBILE_NUMBER_ILLEGAL", LayerService, "号码格式非法", "the number is malformed", Rejected, ScopeRequest, false, doesFail, "digits only"},
	{"isv.BIND_CONFLICT", LayerService, "绑定冲突", "A or B is already bound to X", Rejected, ScopeRequest, false, doesFail, "X already serves one of the numbers"},
	{"isv.SUBS_NOT_EXIST", LayerService, "绑定关系不存在", "no such binding", Rejected, ScopeRequest, false, doesFail, "it never was, or is gone"},
	{"isv.UPDATE_CONFLICT", LayerService, "更新绑定关系冲突", "the update conflicts", Rejected, ScopeRequest, false, doesFail, "the change collides with another binding on X"},
	{"isv.POOLKEY_NOT_EXISTS", LayerService, "号池不存在", "no such pool", Rejected, ScopeRequest, false, doesFail, "PoolKey is wrong"},
	{"POOLKEY_NOT_EXIST", LayerService, "号池不存在", "no such pool", Rejected, ScopeRequest, false, doesFail, "PoolKey is wrong"},
	{"isv.INVALID_PARAMETERS", LayerService, "参数格式不正确", "invalid parameters", Rejected, ScopeRequest, false, doesFail, "a parameter such as RingConfig is malformed"},
	{"isv.BUY_NUM_OVER_LIMIT", LayerService, "购买量超限", "more numbers than may be bought", Rejected, ScopeRequest, false, doesFail, "an answer to purchases only"},
	{"isp.GATEWAY_ERROR", LayerService, "调用发送应用模块失败", "a module behind the service failed", Unavailable, ScopeRequest, true, doesRetry, "the documentation says to try again later"},
	{"FlowLimited", LayerService, "业务流控", "throttled by the service", Throttled, ScopeAction, false, doesThrottle, "refused by a limiter before execution"},
	{"System.LimitControl", LayerService, "系统限流", "throttled by the service", Throttled, ScopeAction, false, doesThrottle, "refused by a limiter before execution"},
}
