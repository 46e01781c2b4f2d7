package presence

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestKeysBesideEachOther: two keys of one account are in use side by side since the younger came;
// one that is used no longer is forgotten, so that a rotation ends; another account's keys are
// another matter.
func TestKeysBesideEachOther(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, own := server.AppClient(t), server.Client(t)
	announce := func(account, fingerprint string) time.Duration {
		t.Helper()
		beside, err := AnnounceKey(t.Context(), client, account, fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		return beside
	}
	// age puts what is noted of a key back, as if time had passed.
	age := func(name string, first, last time.Duration) {
		t.Helper()
		now, err := own.Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		times := now.Add(-first).UTC().UnixMilli()
		if err := own.HSet(t.Context(), keysKey, name, strconv.FormatInt(times, 10)+" "+strconv.FormatInt(now.Add(-last).UnixMilli(), 10)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	announce("default", "aa")
	announce("shop", "bb")
	if beside := announce("default", "aa"); beside != 0 {
		t.Errorf("one key is beside another for %s", beside)
	}
	age("default aa", 3*time.Hour, 0)
	if beside := announce("default", "cc"); beside > time.Minute {
		t.Errorf("a new key is beside the old one for %s", beside)
	}
	age("default cc", time.Hour, 0)
	for _, fingerprint := range []string{"aa", "cc"} {
		if beside := announce("default", fingerprint); beside < time.Hour || beside > time.Hour+10*time.Minute {
			t.Errorf("%s: beside another for %s, want an hour", fingerprint, beside)
		}
	}
	keys, err := Keys(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.Account+" "+k.Fingerprint)
	}
	if diff := cmp.Diff([]string{"default aa", "default cc", "shop bb"}, names); diff != "" {
		t.Error(diff)
	}
	age("default aa", 3*time.Hour, 2*Fresh) // its last worker was restarted
	if beside := announce("default", "cc"); beside != 0 {
		t.Errorf("a key that is used no longer counts: %s", beside)
	}
	age("default aa", -time.Hour, -time.Hour) // Redis' clock was put back since
	if beside := announce("default", "cc"); beside != 0 {
		t.Errorf("a key of the future counts: %s", beside)
	}
	if left := own.PTTL(context.Background(), keysKey).Val(); left <= 0 || left > Fresh {
		t.Errorf("what nobody notes again lives for %s", left)
	}
}
