package tasks_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// payloadOf is what asynq was given of a delivery.
func (s server) payloadOf(t *testing.T, queue, delivery string) string {
	t.Helper()
	info, err := s.asynq.GetTaskInfo(queue, delivery)
	if err != nil {
		t.Fatal(err)
	}
	return string(info.Payload)
}

// Both the delivery and the record name the account: a worker compares them before it calls.
func TestAccountIsRecorded(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("none"))
		s.enqueue(t, tasks.TaskID("own"), tasks.Account(tasks.DefaultAccount))
		s.enqueue(t, tasks.TaskID("shop"), tasks.Account("shop"))
		for id, want := range map[string][2]string{
			"none": {`{"v":1,"id":"none"}`, ""}, "own": {`{"v":1,"id":"own"}`, ""},
			"shop": {`{"v":1,"id":"shop","account":"shop"}`, "shop"},
		} {
			if got := s.payloadOf(t, "bind", id+".1"); got != want[0] {
				t.Errorf("%s: payload %s", id, got)
			}
			if got := s.client.HGet(t.Context(), record.Key(id), "account").Val(); got != want[1] {
				t.Errorf("%s: account %q", id, got)
			}
			if o, err := s.queue.Outcome(t.Context(), id); err != nil || o.Account != want[1] || o.Action != "BindAxn" {
				t.Errorf("%s: %+v, %v", id, o, err)
			}
		}
	})
}

func TestAccountIsPartOfTheRequest(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"), tasks.Account("shop"))
		s.enqueue(t, tasks.TaskID("k"), tasks.Account("shop"))
		s.enqueue(t, tasks.TaskID("old"))
		s.enqueue(t, tasks.TaskID("old"), tasks.Account(tasks.DefaultAccount))
		for _, other := range []struct{ key, account string }{{"k", "food"}, {"k", tasks.DefaultAccount}, {"old", "food"}} {
			_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.TaskID(other.key), tasks.Account(other.account))
			if reused, ok := errors.AsType[*tasks.KeyReusedError](err); !ok || !slices.Equal(reused.Differs, []string{"Account"}) {
				t.Errorf("%v: %v", other, err)
			}
		}
	})
}

func TestAccountNames(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	for _, name := range []string{"", "a b", "a:b", "{a}", "店", strings.Repeat("a", 65)} {
		_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.Account(name))
		if !slices.Equal(fieldsOf(err), []string{"Account"}) {
			t.Errorf("%q: %v", name, err)
		}
	}
	s.enqueue(t, tasks.Account(strings.Repeat("A", 60)+"._-9"))
}

// Beside the API's parameters, of which none is called so.
func TestAccountInInput(t *testing.T) {
	t.Parallel()
	for _, kind := range tasks.Kinds() {
		item, err := kind.Decode([]byte(`{"Account":"shop"}`))
		if err != nil || len(item.Options) != 1 || len(dypls.ParametersOf(item.Request)) != 0 {
			t.Errorf("%s: %d options, %v", kind.Action(), len(item.Options), err)
		}
	}
	s := onMiniredis(t)
	kind, _ := tasks.Lookup("BindAxn")
	item, err := kind.Decode([]byte(`{"TaskID":"k","Account":"shop","PoolKey":"FC1","PhoneNoA":"15012345671","Expiration":"2099-01-31 23:59:59"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.queue.EnqueueAll(t.Context(), []tasks.UntypedItem{item}); err != nil {
		t.Fatal(err)
	}
	if o, err := s.queue.Outcome(t.Context(), "k"); err != nil || o.Account != "shop" {
		t.Errorf("%+v, %v", o, err)
	}
}

// Whatever delivers the task again names its account.
func TestAccountStaysWithTheTask(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"), tasks.Account("shop"))
		if made, err := queuetest.Dispatcher(s.client, 1).Redeliver(t.Context(), "k", 1); !made || err != nil {
			t.Fatal(made, err)
		}
		s.settle(t, "k", record.Ending{State: record.Uncertain, Code: dypls.CodeNoAnswer, Class: string(dypls.Uncertain)})
		if err := s.queue.Resolve(t.Context(), "k", tasks.ResolveRetry("test")); err != nil {
			t.Fatal(err)
		}
		for _, delivery := range []string{"k.2", "k.3"} {
			if got := s.payloadOf(t, "bind", delivery); got != `{"v":1,"id":"k","account":"shop"}` {
				t.Errorf("%s: %s", delivery, got)
			}
		}
		if e, err := s.queue.Explain(t.Context(), "k"); err != nil || e.Account != "shop" || e.Request["PoolKey"] != "FC1" {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// A delivery that another task of the same key has left behind may not begin the new one.
func TestForeignDelivery(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"), tasks.Account("shop"))
		begin := func(action, account string) record.BeginVerdict {
			begun, err := s.store.Begin(t.Context(), record.Run{
				ID: "k", Run: uuid.NewString(), Action: action, Account: account, Lease: time.Minute, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			return begun.Verdict
		}
		for _, of := range [][2]string{{"BindAxn", ""}, {"BindAxn", "food"}, {"BindAxb", "shop"}} {
			if got := begin(of[0], of[1]); got != record.Foreign {
				t.Errorf("%v: %s", of, got)
			}
		}
		if got := begin("BindAxn", "shop"); got != record.Go {
			t.Errorf("%s", got)
		}
	})
}

// An unbind is of the account whose binding it removes.
func TestBindTaskOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	s.enqueue(t, tasks.TaskID("bind"), tasks.Account("shop"))
	unbind := func(options ...tasks.Option) error {
		_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, append(options, tasks.UnbindOf("bind"))...)
		return err
	}
	if err := unbind(); !slices.Equal(fieldsOf(err), []string{"BindTaskID"}) || !strings.Contains(err.Error(), "shop") {
		t.Errorf("%v", err)
	}
	if err := unbind(tasks.Account("shop")); err != nil {
		t.Error(err)
	}
}
