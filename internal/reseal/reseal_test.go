package reseal_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/reseal"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

// rings are the keys before and after a new one became active, without the old one, and others.
func rings(t *testing.T) (before, after, without, others *seal.Keys) {
	t.Helper()
	f := seal.NewFile("k1")
	keysOf := func(f seal.File) *seal.Keys {
		k := sealtest.Keys(t, f)
		return k
	}
	before = keysOf(f)
	f.Add("k2")
	f.Active = "k2"
	after = keysOf(f)
	f.Keys = f.Keys[1:]
	return before, after, keysOf(f), keysOf(seal.NewFile("k1"))
}

// fill writes what the rooms write, sealed by keys, or clear.
func fill(t *testing.T, client redis.UniversalClient, keys *seal.Keys, mark string) map[string]string {
	t.Helper()
	ctx, plain := t.Context(), map[string]string{}
	sealed := func(account, key, field, value string) string {
		plain[key+" "+field] = value
		return keys.Seal(seal.Place{Account: account, Key: key, Field: field}, value)
	}
	for i := range 300 {
		key := fmt.Sprintf("dypls:{%s-%d}", mark, i)
		client.HSet(ctx, key, "account", "shop", "state", "queued", "request", sealed("shop", key, "request", fmt.Sprintf(`{"PhoneNoA":"1390000%04d"}`, i)))
		client.PExpire(ctx, key, time.Hour)
	}
	call := "dypls:call:{" + mark + "}"
	client.HSet(ctx, call, "account", "5:shop", "phone_no", sealed("", call, "phone_no", "5:13900000001"), "city", "5:杭州")
	for i := range 1000 { // of a hash that is read in pieces
		field := fmt.Sprintf("receipt:SecretReport:%d", i)
		client.HSet(ctx, call, field, sealed("", call, field, fmt.Sprintf(`{"i":%d}`, i)))
	}
	body := map[string]string{"dypls:receipts:unread": "body", "dypls:audit": "reason", "dypls:receipts": "body"}
	for stream, field := range body {
		for i := range 300 {
			entry := map[string]any{"account": "shop", "via": "cli", field: sealed("shop", stream, field, fmt.Sprintf(`{"i":%d}`, i))}
			if err := client.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: entry}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	secret := "dypls:console:secret"
	client.Set(ctx, secret, sealed("", secret, "", "s3cret"), 0)
	return plain
}

// TestRotate: whatever a key has sealed, and what is clear, is sealed by the active key after a
// rotation, opens as before, and lives as long as before.
func TestRotate(t *testing.T) {
	t.Parallel()
	for _, topology := range []string{"server", "cluster"} {
		t.Run(topology, func(t *testing.T) {
			t.Parallel()
			var client redis.UniversalClient
			if topology == "server" {
				client = redistest.Start(t).AppClient(t)
			} else {
				client = redistest.StartMasters(t, 3).Client(t)
			}
			before, after, without, _ := rings(t)
			plain := fill(t, client, before, "sealed")
			maps.Copy(plain, fill(t, client, nil, "clear"))
			c := reseal.Config{Redis: client, Keys: after}
			stands, err := reseal.Tally(t.Context(), c)
			if err != nil || stands.Done() || stands.By("k1") < 1800 || stands.Clear() < 1800 || stands.By("k2") > 0 {
				t.Fatalf("%+v, %v", stands, err)
			}
			stands, err = reseal.Rotate(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			drained := client.Del(t.Context(), "dypls:receipts").Val() // what was taken in was merged
			if left := stands.By("k1") + stands.Clear(); drained != 1 || left != 600 {
				t.Errorf("%d values are left in the stream that drains by itself: %+v", left, stands)
			}
			again, err := reseal.Rotate(t.Context(), c)
			if err != nil || !again.Done() || again.Changed != 0 {
				t.Errorf("another rotation: %+v, %v", again, err)
			}
			opensAll(t, client, without, plain)
			if left := client.PTTL(t.Context(), "dypls:{sealed-7}").Val(); left <= 0 || left > time.Hour {
				t.Errorf("a record lives for %s", left)
			}
			if n := client.XLen(t.Context(), "dypls:audit").Val(); n != 600 {
				t.Errorf("the audit has %d lines, want 600", n)
			}
			if n := client.Exists(t.Context(), "dypls:resealing:{dypls:audit}").Val(); n != 0 {
				t.Error("a copy is left")
			}
		})
	}
}

// opensAll reads every hash and compares what its sealed fields say.
func opensAll(t *testing.T, client redis.UniversalClient, keys *seal.Keys, plain map[string]string) {
	t.Helper()
	for place, want := range plain {
		key, field, _ := strings.Cut(place, " ")
		if !strings.HasPrefix(key, "dypls:{") && !strings.HasPrefix(key, "dypls:call:") {
			continue
		}
		account := ""
		if strings.HasPrefix(key, "dypls:{") {
			account = "shop"
		}
		stored := client.HGet(t.Context(), key, field).Val()
		opened, err := keys.Open(seal.Place{Account: account, Key: key, Field: field}, stored)
		if err != nil || opened != want {
			t.Fatalf("%s: %q, %v", place, opened, err)
		}
	}
}

// TestRotateBesideWriters: what is written while a rotation goes on is neither lost nor put back.
func TestRotateBesideWriters(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	before, after, _, _ := rings(t)
	fill(t, client, before, "order")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan [2]int)
	go func() { // who has the old key active still, and who has the new one
		written, lines := 0, 0
		for i := 0; ctx.Err() == nil; i++ {
			keys := []*seal.Keys{before, after}[i%2]
			key := fmt.Sprintf("dypls:{order-%d}", i%300)
			at := seal.Place{Account: "shop", Key: key, Field: "request"}
			if client.HSet(ctx, key, "request", keys.Seal(at, fmt.Sprintf(`{"n":%d}`, i))).Err() == nil {
				written = i
			}
			at = seal.Place{Key: "dypls:audit", Field: "reason"}
			if client.XAdd(ctx, &redis.XAddArgs{Stream: at.Key, Values: []any{at.Field, keys.Seal(at, "why")}}).Err() == nil {
				lines++
			}
		}
		done <- [2]int{written, lines}
	}()
	c := reseal.Config{Redis: client, Keys: after}
	for range 5 {
		if _, err := reseal.Rotate(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	last := <-done
	stands, err := reseal.Rotate(t.Context(), c)
	if err != nil || stands.By("k1") != 300 { // of what drains
		t.Errorf("%+v, %v", stands, err)
	}
	key := fmt.Sprintf("dypls:{order-%d}", last[0]%300)
	opened, err := after.Open(seal.Place{Account: "shop", Key: key, Field: "request"}, client.HGet(t.Context(), key, "request").Val())
	if want := fmt.Sprintf(`{"n":%d}`, last[0]); err != nil || opened != want {
		t.Errorf("the last that was written is %q, %v, want %q", opened, err, want)
	}
	if n := client.XLen(t.Context(), "dypls:audit").Val(); int(n) < last[1]+300 || int(n) > last[1]+301 {
		t.Errorf("the audit has %d lines, want %d", n, last[1]+300)
	}
}

// TestWhatDoesNotOpen: what a missing key has sealed, and what was moved,
// stays as it is, and is told.
func TestWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	before, after, without, others := rings(t)
	fill(t, client, before, "order")
	moved := client.HGet(t.Context(), "dypls:{order-1}", "request").Val()
	client.HSet(t.Context(), "dypls:{order-2}", "request", moved)
	stands, err := reseal.Rotate(t.Context(), reseal.Config{Redis: client, Keys: without})
	if err != nil || stands.Changed != 0 || stands.By("k1") == 0 || stands.Done() {
		t.Errorf("without the old key: %+v, %v", stands, err)
	}
	stands, err = reseal.Rotate(t.Context(), reseal.Config{Redis: client, Keys: after})
	if err != nil || stands.Kinds[0].Broken != 1 || stands.Kinds[0].Sealed["k1"] != 1 {
		t.Errorf("with a value that was moved: %+v, %v", stands, err)
	}
	if client.HGet(t.Context(), "dypls:{order-2}", "request").Val() != moved {
		t.Error("what does not open was changed")
	}
	if _, err = reseal.Rotate(t.Context(), reseal.Config{Redis: client, Keys: others}); err != nil {
		t.Errorf("with another key of the same id: %v", err)
	}
	if _, err = reseal.Rotate(t.Context(), reseal.Config{Redis: client}); err == nil {
		t.Error("a rotation without keys")
	}
	some, err := reseal.Tally(t.Context(), reseal.Config{Redis: client, Keys: after, Most: 200})
	if all := some.By("k1") + some.By("k2"); err != nil || all == 0 {
		t.Errorf("a sample: %+v, %v", some, err)
	}
	client.FlushAll(t.Context())
	for range 300 {
		client.XAdd(t.Context(), &redis.XAddArgs{Stream: "dypls:audit", Values: []any{"by", "somebody"}})
	}
	if some, err = reseal.Tally(t.Context(), reseal.Config{Redis: client, Most: 1}); err != nil || some.Clear() == 0 || some.Clear() > 200 {
		t.Errorf("a sample of a long stream: %+v, %v", some, err)
	}
}
