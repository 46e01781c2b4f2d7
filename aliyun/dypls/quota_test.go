package dypls

import (
	"slices"
	"testing"
)

// TestEveryActionHasAQuota: what has none would be called without a published ceiling.
func TestEveryActionHasAQuota(t *testing.T) {
	t.Parallel()
	for _, action := range []string{
		BindAXN.Action, BindAXB.Action, BindAXNExtension.Action, BindAXG.Action, UnbindSubscription.Action, UpdateSubscription.Action,
		QuerySubsID.Action, QuerySubscriptionDetail.Action, QueryRecordFileDownloadURL.Action,
	} {
		if n, published := Quota(action); !published || n <= 0 {
			t.Errorf("%s has none", action)
		}
	}
	if len(QuotaActions()) != 9 {
		t.Errorf("quotas of %v", QuotaActions())
	}
	for _, action := range []string{
		GetTotalPublicURL.Action, GetSecretASRDetail.Action, QuerySecretNoDetail.Action, LockSecretNo.Action, UnlockSecretNo.Action,
		CreateAXGGroup.Action, OperateAXGGroup.Action, DeleteAXGGroup.Action, BindBatchAXG.Action,
	} {
		if n, published := Quota(action); !published || n <= 0 {
			t.Errorf("%s has none", action)
		}
		if slices.Contains(QuotaActions(), action) {
			t.Errorf("a ceiling on %s, which no worker calls, would do nothing", action)
		}
	}
	if _, published := Quota(QuerySecretNoRemain.Action); published {
		t.Error("QuerySecretNoRemain has one, which no page names")
	}
	if _, published := Quota("BuySecretNo"); published {
		t.Error("an action that is never called has one")
	}
}
