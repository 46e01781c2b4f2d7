package dypls_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// The id comes back in the receipts of calls, but what the caller wrote is the caller's.
func TestOperationWithOutID(t *testing.T) {
	t.Parallel()
	request := soon()
	if got := dypls.BindAXN.WithOutID(request, "t-1"); got.OutID != "t-1" || request.OutID != "" {
		t.Errorf("got %q, and the request given has %q", got.OutID, request.OutID)
	}
	request.OutID = "mine"
	if got := dypls.BindAXN.WithOutID(request, "t-1"); got.OutID != "mine" {
		t.Errorf("the caller's own OutId became %q", got.OutID)
	}
	outIDs := map[string]string{
		"BindAxb":          dypls.BindAXB.WithOutID(dypls.BindAXBRequest{}, "t-1").OutID,
		"BindAxg":          dypls.BindAXG.WithOutID(dypls.BindAXGRequest{}, "t-1").OutID,
		"BindAxnExtension": dypls.BindAXNExtension.WithOutID(dypls.BindAXNExtensionRequest{}, "t-1").OutID,
	}
	for action, outID := range outIDs {
		if outID != "t-1" {
			t.Errorf("%s: OutId %q", action, outID)
		}
	}
	// An update that was not asked to change it must leave it alone.
	if got := dypls.UpdateSubscription.WithOutID(dypls.UpdateSubscriptionRequest{}, "t-1"); got.OutID != "" {
		t.Errorf("an update sets OutId %q by itself", got.OutID)
	}
}
