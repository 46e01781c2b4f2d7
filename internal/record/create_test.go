package record_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		at := time.UnixMilli(1795343400123).UTC()
		first := record.New{ID: "k", Action: "BindAxn", Request: []byte(`{"A":1}`), Fingerprint: "Action:1 A:1", ProcessAt: at, Deadline: at.Add(time.Minute)}
		other := record.New{ID: "k", Action: "BindAxb", Request: []byte(`{"A":2}`), Fingerprint: "Action:2 A:1", ProcessAt: at.Add(time.Hour)}
		there := func(v record.CreateVerdict) record.Created {
			c := record.Created{Verdict: v, Fingerprint: first.Fingerprint, State: record.Queued, Delivery: 1, ProcessAt: at}
			if v == record.Conflict {
				c.Differs = []string{"Action"}
			}
			return c
		}
		for i, step := range []struct {
			do   func([]*record.New) ([]record.Created, error)
			task record.New
			want record.Created
		}{
			{look(t, s), first, record.Created{Verdict: record.Absent}},
			{create(t, s), first, there(record.IsNew)},
			{create(t, s), first, there(record.Same)}, // also what a producer whose reply was lost sees
			{look(t, s), first, there(record.Same)},
			{create(t, s), other, there(record.Conflict)},
			{look(t, s), other, there(record.Conflict)},
		} {
			got, err := step.do([]*record.New{&step.task})
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			if diff := cmp.Diff([]record.Created{step.want}, got); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
		}
		if got := s.read(t, "k"); string(got.Request) != `{"A":1}` || got.Action != "BindAxn" {
			t.Errorf("a conflicting request replaced the first: %+v", got)
		}
		if ttl := s.client.PTTL(t.Context(), record.Key("k")).Val(); ttl != -1 {
			t.Errorf("a task without an outcome would be forgotten in %s", ttl)
		}
	})
}

// A link that no longer works is of no use: the same request fetches another, as a task of its own.
func TestCreateReplacesAnExpiredResult(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "rec")
		before := s.call(t, "rec", "run")
		s.finish(t, record.Ending{ID: "rec", Fence: before.Fence, State: record.Succeeded, Result: []byte(`{}`), Counts: true, Sent: true, ExpiresAt: time.Now().Add(time.Hour)})
		again := []*record.New{{ID: "rec", Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint}}
		if got, err := create(t, s)(again); err != nil || got[0].Verdict != record.Same || got[0].State != record.Succeeded {
			t.Fatalf("while the link works: %+v, %v", got, err)
		}
		s.client.HSet(t.Context(), record.Key("rec"), "expires_at", time.Now().Add(-time.Second).UnixMilli())
		if got, err := look(t, s)(again); err != nil || got[0].Verdict != record.Absent {
			t.Fatalf("look after the link expired: %+v, %v", got, err)
		}
		got, err := create(t, s)(again)
		if err != nil || got[0].Verdict != record.IsNew || got[0].State != record.Queued {
			t.Fatalf("create after the link expired: %+v, %v", got, err)
		}
		r := s.read(t, "rec")
		if r.Attempts != 0 || r.Calls != 0 || len(r.Result) != 0 || !r.FinishedAt.IsZero() || s.field(t, "rec", "answered") != "" {
			t.Errorf("something of the old record is left: %+v", r)
		}
		if ttl := s.client.PTTL(t.Context(), record.Key("rec")).Val(); ttl != -1 {
			t.Errorf("the new record would be forgotten in %s", ttl)
		}
		after := s.call(t, "rec", "run-2")
		if after.Fence <= before.Fence {
			t.Errorf("fence %d after %d: a run of the old record could overwrite the new one's", after.Fence, before.Fence)
		}
		if verdict := s.finish(t, record.Ending{ID: "rec", Fence: before.Fence, State: record.Failed}); verdict != record.Stale {
			t.Errorf("a run of the old record: %s, want stale", verdict)
		}
	})
}

// A server that was restarted knows no script any more; in a pipeline go-redis does not mend that.
func TestCreateManyOnAServerWithoutScripts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		var tasks []*record.New
		for i := range 300 {
			tasks = append(tasks, &record.New{ID: fmt.Sprint("t", i), Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint})
		}
		for _, want := range []record.CreateVerdict{record.IsNew, record.Same} {
			if err := s.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			created, err := s.store.Create(t.Context(), tasks)
			if err != nil || len(created) != len(tasks) {
				t.Fatalf("%d created, %v", len(created), err)
			}
			for i, c := range created {
				if c.Verdict != want {
					t.Fatalf("task %d: %s, want %s", i, c.Verdict, want)
				}
			}
		}
	})
}

func create(t *testing.T, s server) func([]*record.New) ([]record.Created, error) {
	t.Helper()
	return func(tasks []*record.New) ([]record.Created, error) { return s.store.Create(t.Context(), tasks) }
}

func look(t *testing.T, s server) func([]*record.New) ([]record.Created, error) {
	t.Helper()
	return func(tasks []*record.New) ([]record.Created, error) { return s.store.Look(t.Context(), tasks) }
}

// TestRecordsHoldNoDefaults: a record that has its defaults is small, with a handover and without,
// and reads like one that names them. Its second delivery counts on from the first.
func TestRecordsHoldNoDefaults(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		plain := record.New{ID: "plain", Action: "BindAxn", Request: []byte(`{}`), Fingerprint: "f", ProcessAt: time.Now()}
		full := plain
		full.ID, full.Deadline, full.Undoing, full.Undoes = "full", time.Now().Add(time.Hour), "{}", "bind"
		full.Account, full.Change, full.Order = "shop", "thing", 7
		handed := full
		handed.ID, handed.Handover = "handed", &record.Handover{
			Script: record.NewHandoverScript(`redis.call("SET", KEYS[1], ARGV[1]) return 1`), Keys: []string{"to"}, Args: []any{"value"},
		}
		always := []string{"action", "enqueued_at", "fence", "fingerprint", "process_at", "request", "state"}
		sometimes := []string{"account", "change", "deadline", "order", "undoes", "undoing"}
		for _, task := range []*record.New{&plain, &full, &handed} {
			if _, err := s.store.Create(t.Context(), []*record.New{task}); err != nil {
				t.Fatal(err)
			}
			want := always
			if task.ID != "plain" {
				want = slices.Sorted(slices.Values(slices.Concat(always, sometimes)))
			}
			got := slices.Sorted(slices.Values(s.client.HKeys(t.Context(), record.Key(task.ID)).Val()))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields of %s (-want +got):\n%s", task.ID, diff)
			}
			d, err := s.store.Detail(t.Context(), task.ID)
			if err != nil || d.Delivery != 1 || d.Account != task.Account || d.Undoes != task.Undoes || d.Undoing != task.Undoing ||
				!d.Deadline.Equal(task.Deadline.Truncate(time.Millisecond)) || d.Attempts != 0 || d.Calls != 0 {
				t.Errorf("%s: %+v, %v", task.ID, d, err)
			}
		}
		for range 2 { // the second time as if the reply had been lost
			if next, err := s.store.Redeliver(t.Context(), "plain", 1); next != 2 || err != nil {
				t.Errorf("the delivery after the first is %d, %v", next, err)
			}
		}
		if call := s.call(t, "plain", "run"); call.Attempt != 1 {
			t.Errorf("the first call: %+v", call)
		}
	})
}

// TestHandover: what is new is handed over and noted, in the script that records it. What is known,
// or another's, is not, and what is over is not noted again. Each is announced: one of a batch
// announces all of it.
func TestHandover(t *testing.T) { //nolint:gocognit // one table, and each row is looked at
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		script := record.NewHandoverScript(`if redis.call("EXISTS", KEYS[1]) == 1 then
	return 0
end
redis.call("SET", KEYS[1], ARGV[2])
return redis.call("LPUSH", KEYS[2], ARGV[1])`)
		create := func(id string, f record.Fingerprint) record.Created {
			t.Helper()
			created, err := s.store.Create(t.Context(), []*record.New{{
				ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: f, ProcessAt: time.Now(),
				Handover: &record.Handover{
					Script: script, Keys: []string{"task:" + id, "list:" + id}, Args: []any{"member", "value"},
					Channel: "channel", Message: id,
				},
			}})
			if err != nil {
				t.Fatal(err)
			}
			return created[0]
		}
		heard := s.client.Subscribe(t.Context(), "channel")
		t.Cleanup(func() { _ = heard.Close() })
		if _, err := heard.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		handed := func(id string) (n int64) {
			t.Helper()
			return s.client.LLen(t.Context(), "list:"+id).Val()
		}
		if got := create("k", "f"); got.Verdict != record.IsNew || !got.HandedOver || got.Delivery != 1 || got.State != record.Queued {
			t.Errorf("new: %+v", got)
		}
		if text := s.client.Get(t.Context(), "task:k").Val(); text != "value" || handed("k") != 1 {
			t.Errorf("handed over: %q, %d times", text, handed("k"))
		}
		s.client.Del(t.Context(), "task:k", "list:k")
		for f, want := range map[record.Fingerprint]record.CreateVerdict{"f": record.Same, "g": record.Conflict} {
			if got := create("k", f); got.Verdict != want || got.HandedOver || handed("k") != 0 {
				t.Errorf("%s: %+v, handed over %d times", want, got, handed("k"))
			}
		}
		s.client.Set(t.Context(), "task:taken", "another", 0)
		if got := create("taken", "f"); got.Verdict != record.IsNew || got.HandedOver {
			t.Errorf("where the delivery is there: %+v", got)
		}
		s.finish(t, record.Ending{ID: "k", Fence: s.call(t, "k", "run").Fence, State: record.Succeeded, Counts: true, Sent: true})
		before := s.listed(t)
		if got := create("k", "f"); got.Verdict != record.Same || got.State != record.Succeeded || got.HandedOver {
			t.Errorf("over: %+v", got)
		}
		for _, id := range []string{"k", "k", "k", "taken", "k"} { // whatever was found
			if m, err := heard.ReceiveMessage(t.Context()); err != nil || m.Payload != id {
				t.Fatalf("announced %v, %v, want %s", m, err, id)
			}
		}
		if after := s.listed(t); before["k"] || !before["taken"] || after["k"] {
			t.Errorf("in the index: %v, and then %v", before, after)
		}
	})
}

// listed are the ids in the index.
func (s server) listed(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, id := range s.client.ZRange(t.Context(), key, 0, -1).Val() {
			ids[id] = true
		}
	}
	return ids
}
