package worker

import (
	"context"
	"crypto/md5"  //nolint:gosec // what a number must not be hashed by
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// held waits until a task is held as one that does not open, and returns what is told of it.
func (s *workerHarness) held(t *testing.T, id string) (e tasks.Explanation) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, id+" to be held", func(ctx context.Context) (err error) {
		e, err = s.queue.Explain(ctx, id)
		if err == nil && (e.State != "waiting" || e.Code != dypls.CodeUndecryptable) {
			err = fmt.Errorf("%s, %s", e.State, e.Code)
		}
		return err
	})
	return e
}

// A task whose key this worker lacks waits, uses up nothing, and goes on by itself once the key is
// there: also one in doubt, which is looked for and not called again.
func TestTasksWaitForTheirKey(t *testing.T) {
	t.Parallel()
	f := seal.NewFile("k1")
	f.Add("k2")
	all := sealtest.Keys(t, f)
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(f seal.File) {
		if err := os.WriteFile(path, f.Marshal(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	less := seal.File{Hash: f.Hash, Active: "k2", Keys: f.Keys[1:]}
	write(less)
	keys, err := tasks.KeysFromFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	told := newEvents()
	lost := dyplstest.Fault{Action: "BindAxn", Match: map[string]string{"OutId": "lost"}, Do: dyplstest.DropAfter, Times: 1}
	locks := &whileOut{}
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{lost}}, func(c *Config) {
		locks.Caller, c.Caller, c.Keys, c.Trace = c.Caller, locks, keys, told.trace()
	})
	s.queue = s.queueWith(t, all)

	s.bind(t, "new")
	e := s.held(t, "new")
	if e.Attempts != 0 || e.Calls != 0 || len(e.Steps) > 0 || !strings.Contains(e.Why, `"k1"`) || !strings.Contains(e.Remedy, "dyplsq keys status") {
		t.Errorf("%+v", e)
	}
	if n := told.all()["undecryptable new BindAxn k1"]; n == 0 {
		t.Error("the trace was not told")
	}
	s.logged(t, "task held: what is recorded does not open")

	var request string
	locks.do = func() { // by a key that the worker lacks, while its call is out
		request = s.field(t, "lost", "request")
		s.redis.HSet(t.Context(), record.Key("lost"), "request", all.Seal(seal.Place{Key: record.Key("lost"), Field: "request"}, "{}"))
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queueWith(t, sealtest.Keys(t, less)), withOutID(named(), "lost"), tasks.TaskID("lost")); err != nil {
		t.Fatal(err)
	}
	if e := s.held(t, "lost"); e.Doubt == nil || strings.Contains(e.Remedy, "cancel") {
		t.Errorf("%+v", e)
	}
	s.redis.HSet(t.Context(), record.Key("lost"), "request", request)
	if o := s.outcome(t, "lost"); o.State != tasks.StateSucceeded || o.Calls != 1 {
		t.Errorf("%+v", o)
	}

	write(f)
	if o := s.outcome(t, "new"); o.State != tasks.StateSucceeded || o.Calls != 1 || o.Attempts != 1 || o.Class != "" {
		t.Errorf("%+v", o)
	}
	if n := s.performed("BindAxn"); n != 2 {
		t.Errorf("%d binds of two tasks", n)
	}
}

// A task in doubt whose request does not open for a day is a person's to settle. It is called by
// nobody meanwhile.
func TestDoubtThatDoesNotOpenIsSettledByAPerson(t *testing.T) {
	t.Parallel()
	lost := dyplstest.Fault{Action: "BindAxn", Match: map[string]string{"OutId": "lost"}, Do: dyplstest.DropAfter, Times: 1}
	keys, changes := sealtest.New(t), &whileOut{}
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{lost}}, func(c *Config) {
		changes.Caller, c.Caller, c.Keys = c.Caller, changes, keys
	})
	changes.do = func() {
		s.redis.HSet(t.Context(), record.Key("lost"), "request", "changed")
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, withOutID(named(), "lost"), tasks.TaskID("lost")); err != nil {
		t.Fatal(err)
	}
	s.held(t, "lost")
	s.redis.HSet(t.Context(), record.Key("lost"), "first_call_at", time.Now().Add(-25*time.Hour).UnixMilli())
	if o := s.outcome(t, "lost"); o.State != tasks.StateUncertain || o.Code != dypls.CodeUndecryptable || o.Calls != 1 {
		t.Errorf("%+v", o)
	}
	if err := s.queue.Resolve(t.Context(), "lost", tasks.ResolveFailed("ops")); err != nil {
		t.Error(err)
	}
	if n := s.calls("BindAxn"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// whileOut does something while a bind is out.
type whileOut struct {
	dypls.Caller

	do func()
}

// Call implements [dypls.Caller].
func (c *whileOut) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	if call.Action == "BindAxn" && call.Parameters.Value("OutId") == "lost" {
		c.do()
	}
	return c.Caller.Call(ctx, call)
}

func (s *workerHarness) queueWith(t *testing.T, keys *tasks.Keys) *tasks.Queue {
	t.Helper()
	q, err := tasks.New(tasks.Config{Client: s.redis, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func withOutID(request dypls.BindAXNRequest, id string) dypls.BindAXNRequest {
	request.OutID = id
	return request
}

// What was changed in Redis, or sealed by another key of the same name, is held and called for
// nobody. Put back it goes on; an operator may withdraw it.
func TestChangedRequestsAreHeld(t *testing.T) {
	t.Parallel()
	f := seal.NewFile("k1")
	imposter := seal.NewFile("k1")
	s := newWorkerHarness(t, dyplstest.Config{}, func(c *Config) { c.Keys = sealtest.Keys(t, f) })
	later := tasks.ProcessIn(30 * time.Minute)
	for _, id := range []string{"flipped", "moved", "imposed", "other"} {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID(id), later); err != nil {
			t.Fatal(err)
		}
	}
	before := map[string]string{}
	for id, change := range map[string]func(string) string{
		"flipped": func(v string) string { return v[:len(v)-1] + string(v[len(v)-1]^1) },
		"moved":   func(string) string { return s.field(t, "other", "request") },
		"imposed": func(string) string {
			return sealtest.Keys(t, imposter).Seal(seal.Place{Key: record.Key("imposed"), Field: "request"}, `{}`)
		},
	} {
		before[id] = s.field(t, id, "request")
		s.redis.HSet(t.Context(), record.Key(id), "request", change(before[id]))
		if err := s.worker.inspector.RunTask("bind", id+".1"); err != nil {
			t.Fatal(err)
		}
		if e := s.held(t, id); !strings.Contains(e.Why, "was changed") || e.Calls != 0 || e.Undecryptable == "" {
			t.Errorf("%s: %+v", id, e)
		}
	}
	redistest.Poll(t, outcomeWithin, "one to be withdrawn while no run of it is on", func(ctx context.Context) error {
		return s.queue.Cancel(ctx, "moved")
	})
	if o := s.outcome(t, "moved"); o.State != tasks.StateFailed || o.Code != dypls.CodeCanceled {
		t.Errorf("%+v", o)
	}
	for _, id := range []string{"flipped", "imposed"} {
		s.redis.HSet(t.Context(), record.Key(id), "request", before[id])
		if o := s.outcome(t, id); o.State != tasks.StateSucceeded || o.Calls != 1 {
			t.Errorf("%s: %+v", id, o)
		}
	}
	if n := s.calls("BindAxn"); n != 2 {
		t.Errorf("%d calls for two tasks that went on", n)
	}
}

// A life with everything that a worker writes leaves no number in Redis that can be read, nor a
// hash by which it could be found.
func TestRedisHoldsNoNumber(t *testing.T) {
	t.Parallel()
	keys := sealtest.New(t)
	lost := dyplstest.Fault{Action: "BindAxn", Match: map[string]string{"OutId": "lost"}, Do: dyplstest.DropAfter}
	s, release := newStalledHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{lost}}, UncertainRetry, bindRequest(), func(c *Config) { c.Keys = keys })
	o := s.outcome(t, "k")
	release()
	s.logged(t, "surplus binding; unbinding it")
	s.awaited(t, reaper.SurplusTask("", s.bound()[0]))
	var bound dypls.Binding
	if err := json.Unmarshal(o.Result, &bound); err != nil {
		t.Fatal(err)
	}
	_, err := tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
		PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, PhoneNoX: bound.SecretNo, OperateType: dypls.UpdateNoB, PhoneNoB: "13900000002",
	}, tasks.TaskID("update"))
	if err != nil {
		t.Fatal(err)
	}
	s.outcome(t, "update")
	for _, id := range []string{"lost", "lost-too"} {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, withOutID(bindRequest(), "lost"), tasks.TaskID(id)); err != nil {
			t.Fatal(err)
		}
		if o := s.outcome(t, id); o.State != tasks.StateUncertain {
			t.Fatalf("%+v", o)
		}
	}
	result := json.RawMessage(`{"SubsId":"1000","SecretNo":"17000000009"}`)
	if err := s.queue.Resolve(t.Context(), "lost", tasks.ResolveSucceeded(result, "Li 13900000002")); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "lost"); string(o.Result) != `{"SubsId":"1000","SecretNo":"17000000009","Extension":""}` {
		t.Errorf("%s", o.Result)
	}
	_, err = tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf("k"), tasks.TaskID("unbind"))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "unbind"); o.State != tasks.StateSucceeded || o.Calls != 1 {
		t.Errorf("%+v", o)
	}
	if _, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, recordingRequest(), tasks.TaskID("recording")); err != nil {
		t.Fatal(err)
	}
	link, err := tasks.QueryRecordFileDownloadURL.Wait(t.Context(), s.queue, "recording")
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{string(link.DownloadURL), "13900000001", "13900000002", "17000000009", string(bound.SecretNo)}
	for _, b := range s.simulator.Bindings() {
		secrets = append(secrets, string(b.PhoneNoX))
	}
	expectNone(t, allOf(t, s.redis), secrets)
}

// expectNone looks for values, and for what they could be found by without a key.
func expectNone(t *testing.T, all string, values []string) {
	t.Helper()
	for _, value := range slices.Compact(slices.Sorted(slices.Values(values))) {
		md, sha, sha2 := md5.Sum([]byte(value)), sha1.Sum([]byte(value)), sha256.Sum256([]byte(value)) //nolint:gosec // see above
		for _, form := range []string{
			value, string(md[:]), string(sha[:]), string(sha2[:]), hex.EncodeToString(md[:]), hex.EncodeToString(sha[:]), hex.EncodeToString(sha2[:]),
		} {
			if at := strings.Index(all, form); at >= 0 {
				t.Errorf("Redis holds %q, for %s: %q", form, value, all[max(at-200, 0):min(at+200, len(all))])
			}
		}
	}
	if !strings.Contains(all, "hmac Action:") {
		t.Error("no fingerprint is keyed")
	}
}

// allOf is all that Redis holds, keys and values.
func allOf(t *testing.T, client *redis.Client) string {
	t.Helper()
	var all strings.Builder
	keys := client.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		key := keys.Val()
		var value any
		switch client.Type(t.Context(), key).Val() {
		case "hash":
			value = client.HGetAll(t.Context(), key).Val()
		case "zset":
			value = client.ZRangeWithScores(t.Context(), key, 0, -1).Val()
		case "set":
			value = client.SMembers(t.Context(), key).Val()
		case "list":
			value = client.LRange(t.Context(), key, 0, -1).Val()
		case "stream":
			value = client.XRange(t.Context(), key, "-", "+").Val()
		default:
			value = client.Get(t.Context(), key).Val()
		}
		fmt.Fprintf(&all, "%s %v\n", key, value)
	}
	return all.String()
}
