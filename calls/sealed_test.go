package calls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// keysOf are keys of a ring, of which the last one seals.
func keysOf(t *testing.T, ids ...string) []*seal.Keys {
	t.Helper()
	f := seal.NewFile(ids[0])
	var all []*seal.Keys
	for i, id := range ids {
		if i > 0 {
			f.Add(id)
		}
		f.Active = id
		all = append(all, sealtest.Keys(t, f))
	}
	return all
}

func with(k *seal.Keys) func(*Config) { return func(c *Config) { c.Keys = k } }

// everyValue is all that Redis holds, as text.
func everyValue(t *testing.T, client *redis.Client) string {
	t.Helper()
	var all strings.Builder
	for _, key := range client.Keys(t.Context(), "*").Val() {
		var value any
		switch client.Type(t.Context(), key).Val() {
		case "hash":
			value = client.HGetAll(t.Context(), key).Val()
		case "stream":
			value = client.XRange(t.Context(), key, "-", "+").Val()
		case "zset":
			value = client.ZRange(t.Context(), key, 0, -1).Val()
		default:
			value = client.Get(t.Context(), key).Val()
		}
		_, _ = fmt.Fprintln(&all, key, value)
	}
	return all.String()
}

// TestSealedCallsReadAsOthers: with keys Redis holds neither a number nor what people spoke, and
// all that is read of a call is the same, also of one that was half there before the keys.
func TestSealedCallsReadAsOthers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	plain, sealed := open(t, server), open(t, server, with(keysOf(t, "k1")[0]))
	receipts := receiptsOf("c1")
	first := []dypls.ReceiptType{dypls.TypeSecretStartReport, dypls.TypeSecretReport}
	for _, of := range first {
		mergeOne(t, plain, of, receipts[of])
		delete(receipts, of)
	}
	before := get(t, plain, "c1")
	for of, body := range receipts {
		mergeOne(t, sealed, of, body)
	}
	c := get(t, sealed, "c1")
	if len(c.Receipts) != 6 || c.PhoneNo != before.PhoneNo || c.RecordURL != before.RecordURL || c.Undecryptable != nil || len(c.Raw) != 6 {
		t.Errorf("%v, %v, %d receipts", c, c.Undecryptable, len(c.Raw))
	}
	server.Client(t).FlushAll(t.Context())
	for id := range 3 {
		for of, body := range receiptsOf(fmt.Sprint("c", id)) {
			body = strings.Replace(body, fmt.Sprint("order-c", id), numberA, 1)
			if err := sealed.put(t.Context(), pushed{of: of, way: wayHTTP, account: "shop", body: []byte("[" + body + "]")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := sealed.put(t.Context(), pushed{of: dypls.TypeSecretReport, way: wayHTTP, body: []byte(numberB)}); err != nil {
		t.Fatal(err)
	}
	waiting := everyValue(t, server.Client(t))
	run(t, sealed)
	settled(t, sealed)
	for when, all := range map[string]string{"waiting": waiting, "merged": everyValue(t, server.Client(t))} {
		for _, hidden := range []string{"12345678", "=hush", "hush, "} { // what is sealed is random
			if strings.Contains(all, hidden) {
				t.Errorf("%s, Redis holds %s", when, hidden)
			}
		}
	}
	found, _, err := sealed.List(t.Context(), Filter{TaskID: numberA})
	if err != nil || len(found) != 3 || found[0].PeerNo != numberB || found[0].Account != "shop" {
		t.Errorf("%v, %v", found, err)
	}
}

// TestCallsOfATaskBeforeAndSinceTheKeys: all of them are listed, in order, page by page.
func TestCallsOfATaskBeforeAndSinceTheKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	stores := []*Store{open(t, server), open(t, server, with(keysOf(t, "k1")[0]))}
	const calls = 20
	for i := range calls {
		id := fmt.Sprintf("c%02d", i)
		body := strings.Replace(receiptsOf(id)[dypls.TypeSecretReport], "order-"+id, "order-1", 1)
		body = strings.Replace(body, "20:11:29", fmt.Sprintf("20:10:%02d", i), 1)
		mergeOne(t, stores[i/3%2], dypls.TypeSecretReport, body)
	}
	for _, back := range []bool{false, true} {
		var ids []string
		for f := (Filter{TaskID: "order-1", Limit: 3, NewestFirst: back}); ; {
			page, next, err := stores[1].List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				if back {
					ids = append([]string{c.ID}, ids...)
				} else {
					ids = append(ids, c.ID)
				}
			}
			if f.Cursor = next; next == "" {
				break
			}
		}
		if len(ids) != calls {
			t.Fatalf("listed %v", ids)
		}
		for i, id := range ids {
			if id != fmt.Sprintf("c%02d", i) {
				t.Fatalf("listed %v", ids)
			}
		}
	}
}

// TestReceiptsWithoutTheirKeyAreHeld: a receiver that lacks a key holds what it sealed, counts it,
// merges everything else, and goes on once it has the key.
func TestReceiptsWithoutTheirKeyAreHeld(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	keys := keysOf(t, "k1", "k2")
	var counted counts
	newer, lacks := open(t, server, with(keys[1])), open(t, server, with(keys[0]), func(c *Config) { c.Trace.ReceiptDone = counted.count })
	mergeOne(t, newer, dypls.TypeSecretStartReport, receiptsOf("c2")[dypls.TypeSecretStartReport])
	put := func(s *Store, id string) {
		body := "[" + receiptsOf(id)[dypls.TypeSecretReport] + "]"
		if err := s.put(t.Context(), pushed{of: dypls.TypeSecretReport, way: wayHTTP, body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	put(newer, "c1")
	put(lacks, "c2") // its call does not open
	put(lacks, "c3")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- lacks.Run(ctx) }()
	redistest.Poll(t, within, "what opens to be merged, and the rest to be counted", func(ctx context.Context) error {
		n, err := lacks.Waiting(ctx)
		if err == nil && (n != 2 || !strings.Contains(counted.String(), "undecryptable")) {
			err = fmt.Errorf("%d wait; %s", n, counted.String())
		}
		return err
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c := get(t, lacks, "c3"); !c.Answered() {
		t.Errorf("%v", c)
	}
	c := get(t, lacks, "c2")
	var missing *seal.MissingKeyError
	if !errors.As(c.Undecryptable, &missing) || missing.KeyID != "k2" || c.PhoneNo != "" || len(c.Receipts) != 1 || !strings.Contains(c.String(), "k2") {
		t.Errorf("%v, %v", c, c.Undecryptable)
	}
	run(t, newer)
	settled(t, newer)
	for _, id := range []string{"c1", "c2", "c3"} {
		if c := get(t, newer, id); !c.Answered() || c.Undecryptable != nil {
			t.Errorf("%v, %v", c, c.Undecryptable)
		}
	}
}

// TestNoKeysChangeNothingThatIsSealed: a receiver without keys neither reads nor overwrites.
func TestNoKeysChangeNothingThatIsSealed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	plain, sealed := open(t, server), open(t, server, with(keysOf(t, "k1")[0]))
	mergeOne(t, sealed, dypls.TypeSecretStartReport, receiptsOf("c1")[dypls.TypeSecretStartReport])
	before := server.Client(t).HGetAll(t.Context(), callKey("c1")).Val()
	body := []byte("[" + receiptsOf("c1")[dypls.TypeSecretReport] + "]")
	entry := redis.XMessage{ID: "1795867889000-0", Values: map[string]any{fieldType: string(dypls.TypeSecretReport), fieldWay: wayHTTP, fieldBody: string(body)}}
	held, err := plain.mergeAll(t.Context(), []redis.XMessage{entry})
	if !held || err != nil {
		t.Errorf("held %t, %v", held, err)
	}
	if after := server.Client(t).HGetAll(t.Context(), callKey("c1")).Val(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the call was changed")
	}
	server.Client(t).HSet(t.Context(), callKey("c1"), factPhoneNo, before[factPeerNo]) // moved
	var tampered *seal.TamperedError
	if c := get(t, sealed, "c1"); !errors.As(c.Undecryptable, &tampered) || c.PhoneNo != "" || c.PeerNo != numberB || strings.Contains(c.String(), "c1 ") {
		t.Errorf("%v, %v", c, c.Undecryptable)
	}
	if claim, err := sealed.ClaimRecording(t.Context(), RecordingsDue{}, "c1", time.Minute); claim != nil || err != nil {
		t.Errorf("the recording of a call that does not open: %v, %v", claim, err)
	}
}

// TestRecordingsThatWaitAreToldNowAndThen: each call that does not open is asked for every minute.
func TestRecordingsThatWaitAreToldNowAndThen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log logtest.Log
	plain, sealed := open(t, server, func(c *Config) { c.Logger = zerolog.New(&log) }), open(t, server, with(keysOf(t, "k1")[0]))
	for i := range 5 {
		id := fmt.Sprint("c", i)
		mergeOne(t, sealed, dypls.TypeSecretReport, receiptsOf(id)[dypls.TypeSecretReport])
		mergeOne(t, sealed, dypls.TypeSecretRecording, receiptsOf(id)[dypls.TypeSecretRecording])
		if claim, err := plain.ClaimRecording(t.Context(), RecordingsDue{}, id, time.Minute); claim != nil || err != nil {
			t.Errorf("%v, %v", claim, err)
		}
	}
	if n := strings.Count(log.String(), "its recording waits"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// TestCallsOfATaskWithoutTheKeys: that none is found is told as what it is, by whoever lacks the
// keys that they are found by, and by nobody else.
func TestCallsOfATaskWithoutTheKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	plain, sealed := open(t, server), open(t, server, with(keysOf(t, "k1")[0]))
	mergeOne(t, sealed, dypls.TypeSecretReport, receiptsOf("c1")[dypls.TypeSecretReport])
	list := func(s *Store, f Filter, calls int, want error) {
		t.Helper()
		found, _, err := s.List(t.Context(), f)
		if len(found) != calls || !errors.Is(err, want) {
			t.Errorf("%+v: %v, %v", f, found, err)
		}
	}
	of := Filter{TaskID: "order-c1"}
	list(plain, of, 0, nil) // of no task that is recorded
	parameters := dypls.Parameters{{Name: "PoolKey", Value: "FC1"}}
	fingerprint := func(k *seal.Keys) {
		f := record.FingerprintOf(k, of.TaskID, "BindAxn", parameters)
		server.Client(t).HSet(t.Context(), record.Key(of.TaskID), "action", "BindAxn", "fingerprint", string(f))
	}
	fingerprint(nil)
	list(plain, of, 0, nil)
	fingerprint(sealed.keys)
	list(plain, of, 0, tasks.ErrUndecryptable)
	list(sealed, of, 1, nil)
	list(sealed, Filter{TaskID: of.TaskID, Recording: []RecordingState{RecordingLost}}, 0, nil)
	list(plain, Filter{}, 1, nil)
	mergeOne(t, plain, dypls.TypeSecretReport, strings.Replace(receiptsOf("c2")[dypls.TypeSecretReport], "order-c2", of.TaskID, 1))
	list(plain, of, 1, nil)
}
