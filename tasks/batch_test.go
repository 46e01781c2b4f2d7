package tasks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func item(key string, change ...func(*dypls.BindAXNRequest)) tasks.Item[dypls.BindAXNRequest] {
	request := axn()
	for _, c := range change {
		c(&request)
	}
	return tasks.Item[dypls.BindAXNRequest]{Request: request, Options: []tasks.Option{tasks.TaskID(key)}}
}

// All that is wrong is told at once, rules of time and used keys included, and nothing is enqueued.
func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("known"))
		other := func(r *dypls.BindAXNRequest) { r.PhoneNoB = "15812345670" }
		unkeyed := item("")
		unkeyed.Options, unkeyed.Request.PhoneNoA = nil, ""
		_, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, []tasks.Item[dypls.BindAXNRequest]{
			item("good"),
			item("bad", func(r *dypls.BindAXNRequest) { r.PhoneNoX, r.PoolKey = "x", "" }),
			item("known"),
			item("known", other),
			item("late", func(r *dypls.BindAXNRequest) { r.Expiration = dypls.At(time.Now()) }),
			item("good", other),
			item("no key!"),
			unkeyed,
		})
		batch, ok := errors.AsType[*tasks.BatchError](err)
		if !ok {
			t.Fatalf("%v", err)
		}
		got := map[int]string{}
		for _, item := range batch.Items {
			got[item.Index] = strings.Join(fieldsOf(item.Err), " ")
		}
		want := map[int]string{
			1: "PoolKey PhoneNoX", 3: "reused: PhoneNoB", 4: "Expiration", 5: "reused: PhoneNoB", 6: "TaskID", 7: "PhoneNoA",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems by index (-want +got):\n%s\n%v", diff, err)
		}
		if !errors.Is(err, tasks.ErrKeyReused) || !strings.Contains(err.Error(), "item 2: ") {
			t.Errorf("%v", err)
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 1 {
			t.Errorf("%d deliveries, want the one from before", len(infos))
		}
		if keys := s.client.Keys(t.Context(), "dypls:{*").Val(); !slices.Equal(keys, []string{"dypls:{known}"}) {
			t.Errorf("records: %v", keys)
		}
	})
}

func fieldsOf(err error) (fields []string) {
	if reused, ok := errors.AsType[*tasks.KeyReusedError](err); ok {
		return append([]string{"reused:"}, reused.Differs...)
	}
	if invalid, ok := errors.AsType[*dypls.ValidationError](err); ok {
		for _, p := range invalid.Problems {
			fields = append(fields, p.Field)
		}
	}
	return fields
}

func TestLargeBatch(t *testing.T) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		largeBatch(t, onMiniredis(t), 600) // it is slow; more than go in one round trip
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		largeBatch(t, newServer(t, redistest.Start(t).URL()), 2000)
	})
}

func largeBatch(t *testing.T, s server, many int) {
	t.Helper()
	var items []tasks.Item[dypls.BindAXNRequest]
	var want []string
	for i := range many {
		want = append(want, fmt.Sprint("k-", i))
		items = append(items, item(want[i]))
	}
	items, want = append(items, item("k-7")), append(want, "k-7") // one of them twice
	for range 2 {
		ids, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, items)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("ids (-want +got):\n%s", diff)
		}
		if infos := s.deliveries(t, "bind"); len(infos) != many {
			t.Errorf("%d deliveries, want %d", len(infos), many)
		}
	}
	results, err := tasks.BindAXN.Results(t.Context(), s.queue, want)
	if err != nil || len(results) != many+1 || !errors.Is(results[many].Err, tasks.ErrPending) {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// A batch with thousands of mistakes is told in a few lines.
func TestBatchErrorIsShort(t *testing.T) {
	t.Parallel()
	batch := &tasks.BatchError{}
	for i := range 1000 {
		batch.Items = append(batch.Items, &tasks.ItemError{Index: i, Err: tasks.ErrKeyReused})
	}
	text := batch.Error()
	if lines := strings.Split(text, "\n"); len(lines) != 21 || lines[20] != "and 980 more" {
		t.Errorf("%s", text)
	}
}

func TestEmptyBatch(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	if ids, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, nil); len(ids) != 0 || err != nil {
		t.Errorf("%v, %v", ids, err)
	}
	if results, err := tasks.BindAXN.WaitAll(t.Context(), s.queue, nil); len(results) != 0 || err != nil {
		t.Errorf("%v, %v", results, err)
	}
}
