package doctor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// TestKeys: two keys of one account are a rotation for a while, then two installations; those of
// two accounts are neither.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	announce := func(account, fingerprint string, since time.Duration) {
		t.Helper()
		if _, err := presence.AnnounceKey(t.Context(), p.client, account, fingerprint); err != nil {
			t.Fatal(err)
		}
		now := p.client.Time(t.Context()).Val()
		p.client.HSet(t.Context(), "dypls:accounts:keys", account+" "+fingerprint, fmt.Sprint(now.Add(-since).UnixMilli(), " ", now.UnixMilli()))
	}
	announce("default", "aa", 3*time.Hour)
	announce("shop", "bb", 3*time.Hour)
	p.want(t, "accounts", doctor.OK)
	announce("default", "cc", 5*time.Minute)
	p.want(t, "accounts", doctor.OK, "account default: workers use 2 access keys, side by side for 5m")
	announce("default", "cc", 2*time.Hour)
	p.want(t, "accounts", doctor.Warning, "side by side for 2h", "their tasks mix", "restart the workers that have the old one")
}
