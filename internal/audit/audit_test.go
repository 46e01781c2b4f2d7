package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

// TestLines: a line comes back as it was written, the newest first, with every number masked.
func TestLines(t *testing.T) {
	t.Parallel()
	log := audit.New(redistest.Start(t).AppClient(t))
	written := audit.Entry{
		By: "li", Via: audit.CLI, Action: audit.Resolve, Target: "order-20261130000042",
		Reason: "A 13800000001 called, see https://example.com/r.mp3?Signature=s3cr3t",
		Detail: map[string]string{"as": "failed", "note": "X is 17000000003"},
	}
	add(t, log, audit.Entry{By: "13800000001", Via: audit.API, Action: audit.Cancel, Target: "of-13800000001"})
	add(t, log, written)
	got, next, err := log.Read(t.Context(), audit.Filter{})
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	want := []audit.Entry{
		{
			By: "li", Via: audit.CLI, Action: audit.Resolve, Target: "order-20261130000042",
			Reason: "A 138****0001 called, see https://example.com/***",
			Detail: map[string]string{"as": "failed", "note": "X is 170****0003"},
		},
		{By: "138****0001", Via: audit.API, Action: audit.Cancel, Target: "of-138****0001"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(audit.Entry{}, "ID", "At")); diff != "" {
		t.Error(diff)
	}
	for _, e := range got {
		if since := time.Since(e.At); e.ID == "" || since < -time.Minute || since > time.Minute {
			t.Errorf("line %q of %s", e.ID, e.At)
		}
	}
	if found := read(t, log, audit.Filter{Target: "of-13800000001"}); len(found) != 1 {
		t.Errorf("a target that is masked is found %d times by what it was", len(found))
	}
}

// TestPagesAndFilters: every line that meets a filter comes once, over pages of any size.
func TestPagesAndFilters(t *testing.T) {
	t.Parallel()
	log := audit.New(redistest.Start(t).AppClient(t))
	var all []audit.Entry
	for i := range 2500 {
		all = append(all, audit.Entry{
			By: fmt.Sprint("user", i%5), Via: audit.Console, Action: []string{audit.Cancel, audit.Retry}[i%2],
			Target: fmt.Sprint("task-", i%100),
		})
	}
	if _, err := log.AddAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		filter audit.Filter
		want   int
	}{
		"all":                  {audit.Filter{Limit: 1000}, 2500},
		"one page exactly":     {audit.Filter{Limit: 500}, 2500},
		"by one":               {audit.Filter{By: "user3"}, 500},
		"one action":           {audit.Filter{Action: audit.Retry, Limit: 7}, 1250},
		"one target":           {audit.Filter{Target: "task-42", Limit: 10}, 25},
		"all of it":            {audit.Filter{By: "user2", Action: audit.Cancel, Target: "task-42"}, 25},
		"what does not go":     {audit.Filter{By: "user1", Target: "task-42"}, 0},
		"since the beginning":  {audit.Filter{Since: time.Now().Add(-time.Hour), Limit: 1000}, 2500},
		"since a time to come": {audit.Filter{Since: time.Now().Add(time.Hour)}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, e := range read(t, log, test.filter) {
				if seen[e.ID] {
					t.Errorf("line %s came twice", e.ID)
				}
				seen[e.ID] = true
			}
			if len(seen) != test.want {
				t.Errorf("%d lines, want %d", len(seen), test.want)
			}
		})
	}
	_, _, err := log.Read(t.Context(), audit.Filter{Before: "yesterday"})
	if _, is := errors.AsType[*dypls.ValidationError](err); !is {
		t.Errorf("a cursor that is none: %v", err)
	}
}

// TestKept: a line is kept for its time by Redis' clock and then dropped;
// all are where nobody adds.
func TestKept(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	log := audit.New(server.AppClient(t))
	add(t, log, audit.Entry{By: "old", Action: audit.Pause, Target: "bind"})
	clock.Set(t, audit.Keep-time.Hour)
	add(t, log, audit.Entry{By: "young", Action: audit.Pause, Target: "bind"})
	if n := len(read(t, log, audit.Filter{})); n != 2 {
		t.Errorf("%d lines before the first is too old, want 2", n)
	}
	clock.Set(t, audit.Keep+time.Hour)
	add(t, log, audit.Entry{By: "new", Action: audit.Resume, Target: "bind"})
	var by []string
	for _, e := range read(t, log, audit.Filter{}) {
		by = append(by, e.By)
	}
	if diff := cmp.Diff([]string{"new", "young"}, by); diff != "" {
		t.Error(diff)
	}
	if left := server.Client(t).PTTL(t.Context(), audit.Key).Val(); left < audit.Keep-time.Minute || left > audit.Keep {
		t.Errorf("where nobody adds, the log lives for %s", left)
	}
}

// TestNothingWithoutALine: what cannot be written down is not done; what was done, or failed, has a
// second line that says so.
func TestNothingWithoutALine(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := audit.New(server.AppClient(t))
	entry := audit.Entry{By: "li", Via: audit.CLI, Action: audit.Cancel, Target: "order-1", Reason: "test"}
	do := func(detail map[string]string, fails error) (acted bool, err error) {
		err = log.Do(t.Context(), entry, func(context.Context) (map[string]string, error) {
			acted = true
			return detail, fails
		})
		return acted, err
	}
	failure := errors.New("too late: 13800000001 is bound")
	for _, test := range []struct {
		detail map[string]string
		fails  error
	}{{nil, nil}, {map[string]string{"count": "3"}, nil}, {nil, failure}} {
		if acted, err := do(test.detail, test.fails); !acted || !errors.Is(err, test.fails) {
			t.Errorf("acted: %t, %v", acted, err)
		}
	}
	lines := read(t, log, audit.Filter{Target: "order-1"}) // the newest first
	if len(lines) != 5 {
		t.Fatalf("%d lines, want 5: %+v", len(lines), lines)
	}
	for _, second := range []struct {
		at     int
		result string
		count  string
	}{{0, "too late: 138****0001 is bound", ""}, {2, audit.Done, "3"}} {
		e := lines[second.at]
		if e.Detail[audit.Result] != second.result || e.Detail["count"] != second.count || e.Detail[audit.Of] != lines[second.at+1].ID {
			t.Errorf("%+v", e)
		}
	}
	server.Kill()
	if acted, err := do(nil, nil); acted || !errors.Is(err, audit.ErrNotWritten) {
		t.Errorf("without Redis: acted %t, %v", acted, err)
	}
}

// TestLongTexts: what somebody writes is cut, and a line holds so many details at the most.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	log := audit.New(redistest.Start(t).AppClient(t))
	detail := map[string]string{}
	for i := range 1000 {
		detail[fmt.Sprint("d", i)] = strings.Repeat("长", 1000)
	}
	long := strings.Repeat("a b", 10_000)
	add(t, log, audit.Entry{By: long, Target: long, Reason: long, Detail: detail})
	add(t, log, audit.Entry{})
	lines := read(t, log, audit.Filter{})
	if len(lines) != 2 || len(lines[1].By)+len(lines[1].Reason)+len(lines[1].Target) > 1000 || len(lines[1].Detail) > 100 {
		t.Errorf("%d lines, %d details", len(lines), len(lines[1].Detail))
	}
}

func add(t *testing.T, log *audit.Log, e audit.Entry) {
	t.Helper()
	if err := log.Add(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// read reads all pages.
func read(t *testing.T, log *audit.Log, f audit.Filter) (all []audit.Entry) {
	t.Helper()
	for {
		page, next, err := log.Read(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if f.Limit > 0 && len(page) > f.Limit {
			t.Fatalf("%d lines, more than %d", len(page), f.Limit)
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		f.Before = next
	}
}

// TestSealedLines: with keys Redis holds nothing of what people wrote, and what is read is the
// same, beside lines of before. Who lacks the keys reads a word in its place.
func TestSealedLines(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	keys := sealtest.New(t)
	line := audit.Entry{By: "li-who-cancels", Via: audit.CLI, Action: audit.Cancel, Target: "order-1", Reason: "asked by 010-82345678", Detail: map[string]string{"as": "failed", audit.Of: "1-0"}}
	add(t, audit.New(client), line)
	sealed := audit.New(client).WithKeys(keys)
	add(t, sealed, line)
	newest := fmt.Sprint(client.XRevRangeN(t.Context(), audit.Key, "+", "-", 1).Val())
	for _, hidden := range []string{"li-who-cancels", "order-1", "asked", "failed"} {
		if strings.Contains(newest, hidden) {
			t.Errorf("Redis holds %q: %q", hidden, newest)
		}
	}
	found := read(t, sealed, audit.Filter{By: line.By, Target: "order-1"})
	if len(found) != 2 || cmp.Diff(found[0], found[1], cmpopts.IgnoreFields(audit.Entry{}, "ID", "At")) != "" {
		t.Errorf("%+v", found)
	}
	found = read(t, audit.New(client), audit.Filter{})
	if len(found) != 2 || found[0].Reason != audit.Undecryptable || found[0].Detail["as"] != audit.Undecryptable || found[0].Detail[audit.Of] != "1-0" || found[0].Action != audit.Cancel {
		t.Errorf("without the keys: %+v", found)
	}
}
