package tasks

import "github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"

// The kinds of task. The two plain look-ups, QuerySubsId and QuerySubscriptionDetail, are called,
// not queued.
var (
	BindAXN                    = newKind(dypls.BindAXN, binding)
	BindAXB                    = newKind(dypls.BindAXB, binding)
	BindAXNExtension           = newKind(dypls.BindAXNExtension, binding)
	BindAXG                    = newKind(dypls.BindAXG, binding)
	UnbindSubscription         = newKind(dypls.UnbindSubscription, unbinding)
	UpdateSubscription         = newKind(dypls.UpdateSubscription, updating)
	QueryRecordFileDownloadURL = newKind(dypls.QueryRecordFileDownloadURL, recording)
)
