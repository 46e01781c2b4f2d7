package worker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestTwoInstallationsOnOneRedisAreTold: once, by each worker, and only when two keys have been in
// use for longer than a rotation takes. What is noted and logged gives no key away.
func TestTwoInstallationsOnOneRedisAreTold(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), dyplstest.Start(t, dyplstest.Config{})
	var log strings.Builder
	w, err := New(Config{client: server.AppClient(t), Caller: callerOf(t, api), Logger: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	own, client := w.accounts.own, server.Client(t)
	announce := func(age time.Duration) {
		t.Helper()
		w.accounts.announceKey(t.Context(), own)
		if _, err := presence.AnnounceKey(t.Context(), client, tasks.DefaultAccount, "other"); err != nil {
			t.Fatal(err)
		}
		now := client.Time(t.Context()).Val()
		keys, err := presence.Keys(t.Context(), client)
		if err != nil || len(keys) != 2 {
			t.Fatalf("%+v %v", keys, err)
		}
		for _, k := range keys {
			err := client.HSet(t.Context(), "dypls:accounts:keys", k.Account+" "+k.Fingerprint, fmt.Sprint(now.Add(-age).UnixMilli(), " ", now.UnixMilli())).Err()
			if err != nil {
				t.Fatal(err)
			}
		}
		w.accounts.announceKey(t.Context(), own)
	}
	const says = "another access key in use for this account"
	announce(presence.Rotation / 2)
	if strings.Contains(log.String(), says) {
		t.Errorf("a rotation alarms: %s", log.String())
	}
	for range 3 {
		announce(2 * presence.Rotation)
	}
	if n := strings.Count(log.String(), says); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
	for name, text := range map[string]string{"the log": log.String(), "Redis": fmt.Sprint(client.HGetAll(t.Context(), "dypls:accounts:keys").Val())} {
		if strings.Contains(text, dyplstest.DefaultAccessKeyID) {
			t.Errorf("%s holds the key: %s", name, text)
		}
	}
}
