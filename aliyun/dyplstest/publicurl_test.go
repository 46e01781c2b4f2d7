package dyplstest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestPublicLinksToAPlacedCall(t *testing.T) {
	t.Parallel()
	config := dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: 4 * time.Minute, PublicLinkLife: 10 * 24 * time.Hour}}
	inCall(t, config, func(t *testing.T, b bench, c dyplstest.PlacedCall) {
		request := dypls.GetTotalPublicURLRequest{PartnerKey: c.PoolKey, CallID: c.CallID, CallTime: dypls.At(c.CallTime)}
		ask := func() (dypls.PublicURLs, error) { return dypls.GetTotalPublicURL.Call(t.Context(), b, request) }
		b.sleep(4 * time.Minute) // of 5
		_, err := ask()
		if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != dypls.NotReady {
			t.Errorf("before it is there: %v", err)
		}
		b.sleep(time.Minute)
		links, err := ask()
		wantCode(t, "when it is there", "", err)
		for _, link := range []dypls.SignedURL{links.PhonePublicURL, links.RingPublicURL} {
			if want := time.Now().Add(10 * 24 * time.Hour).Truncate(time.Second); !link.ExpiresAt().Equal(want) {
				t.Errorf("the link works until %s, want %s", link.ExpiresAt(), want)
			}
		}
		if size := fetchFrom(t, b, string(links.PhonePublicURL)); size != c.Recordings[0].Size {
			t.Errorf("%d bytes of the call, want %d", size, c.Recordings[0].Size)
		}
		if size := fetchFrom(t, b, string(links.RingPublicURL)); size != 10_000 { // 5 s
			t.Errorf("%d bytes of the ringing", size)
		}
		request.CheckSubs = true
		_, err = ask()
		wantCode(t, "while it is bound", "", err)
		b.want("OK", "UnbindSubscription", params{"PoolKey": c.PoolKey, "SubsId": c.SubsID, "SecretNo": string(c.SecretNo)})
		_, err = ask()
		wantCode(t, "unbound, and checked", "isv.SUBS_NOT_EXIST", err)
		request.CheckSubs = false
		_, err = ask()
		wantCode(t, "unbound", "", err)
		request.CallTime = dypls.At(c.CallTime.Add(-time.Second))
		_, err = ask()
		wantCode(t, "at another time", "isv.ILLEGAL_ARGUMENT", err)
		request.CallTime, request.PartnerKey = dypls.At(c.CallTime), "FC9"
		_, err = ask()
		wantCode(t, "of another pool", "isv.POOLKEY_NOT_EXISTS", err)
		b.sleep(10 * 24 * time.Hour)
		if got := fetchFrom(t, b, string(links.PhonePublicURL)); got >= 0 {
			t.Errorf("a link that is over leads to %d bytes", got)
		}
	})
}

// fetchFrom returns how many bytes a link leads to, -1 where it is refused.
func fetchFrom(t *testing.T, sim http.Handler, link string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a := do(t, sim, r)
	if a.Status != http.StatusOK {
		return -1
	}
	return len(a.Body)
}

func TestPublicLinksToCallsThatNobodyPlaced(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Recordings: dyplstest.Recordings{CallIDs: []string{"c1"}}})
	ask := params{"PartnerKey": dyplstest.DefaultPoolKey, "CallId": "c1", "CallTime": b.in(-time.Hour), "CheckSubs": "false"}
	for i, step := range []struct {
		more params
		code string
	}{
		{nil, "OK"},
		{params{"CallId": "c2"}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallTime": "1629893489000"}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallTime": b.in(-31 * 24 * time.Hour)}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallId": strings.Repeat("c", 101)}, "isv.ILLEGAL_ARGUMENT"},
		{params{"PartnerKey": "FC9"}, "isv.POOLKEY_NOT_EXISTS"},
		{params{"CheckSubs": "true"}, "isv.SUBS_NOT_EXIST"},
		{params{"CheckSubs": "perhaps"}, "InvalidCheckSubs"},
		{params{"CheckSubs": ""}, "MissingCheckSubs"}, {params{"PartnerKey": ""}, "MissingPartnerKey"},
		{params{"CallId": ""}, "MissingCallId"}, {params{"CallTime": ""}, "MissingCallTime"},
	} {
		if a := b.call("GetTotalPublicUrl", ask.with(step.more)); a.Code != step.code {
			t.Errorf("step %d: %s, want %s", i, a.Body, step.code)
		}
	}
}
