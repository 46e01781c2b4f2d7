package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// explained runs dyplsq explain, for people and for programs, and returns both.
func explained(t *testing.T, s *systemtest.System, id string) (string, tasks.Explanation) {
	t.Helper()
	people, programs := systemtest.Run(t, s.Env, "", "explain", id), systemtest.Run(t, s.Env, "", "explain", id, "--json")
	if people.Status != statusOK || programs.Status != statusOK {
		t.Fatalf("explain %s: exit status %d and %d\n%s%s", id, people.Status, programs.Status, people.Errors, programs.Errors)
	}
	systemtest.NoNumbers(t, "explain "+id, people.Out+people.Errors+programs.Out+programs.Errors)
	var e tasks.Explanation
	if err := json.Unmarshal([]byte(programs.Out), &e); err != nil {
		t.Fatalf("explain %s: %v: %s", id, err, programs.Out)
	}
	return people.Out, e
}

func explains(t *testing.T, s *systemtest.System, id string, says ...string) tasks.Explanation {
	t.Helper()
	text, e := explained(t, s, id)
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("explain %s does not say %q:\n%s", id, part, text)
		}
	}
	return e
}

// TestExplain: what happened to tasks of every fate, by a real worker.
func TestExplain(t *testing.T) {
	t.Parallel()
	of := func(a string) map[string]string { return map[string]string{"PhoneNoA": a} }
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: of("13900000002"), Code: "isv.FLOW_LIMIT", Times: 2}, {Match: of("13900000002"), Code: "isp.SYSTEM_ERROR", Times: 1},
		{Match: of("13900000003"), Code: "isv.ACCOUNT_ABNORMAL"}, {Match: of("13900000004"), Do: dyplstest.DropAfter, Times: 1},
		{Match: of("13900000005"), Code: "isv.NO_AVAILABLE_NUMBER"}, {Match: of("13900000006"), Do: dyplstest.DropAfter, Times: 1},
	}})
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "once", "--wait", "20s")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "rough", "--wait", "60s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(4, ""), "--id", "uncertain", "--wait", "20s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(5, ""), "--id", "failed", "--wait", "20s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(6, ""), "--id", "resolved", "--wait", "20s")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(7, ""), "--id", "scheduled", "--in", "1h")
	// the last one: what is denied holds up the others
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(3, ""), "--id", "waiting")
	if r := systemtest.Run(t, s.Env, "", "resolve", "resolved", "--failed", "--by", "anna"); r.Status != statusFailed {
		t.Fatalf("resolve: %d %s", r.Status, r.Errors)
	}

	if e := explains(t, s, "once", "it succeeded", "no attempt has failed"); len(e.Steps) != 0 {
		t.Errorf("%+v", e.Steps)
	}
	e := explains(t, s, "rough", "it succeeded", "isv.FLOW_LIMIT", "not counted", "isp.SYSTEM_ERROR", "call (attempt 1)", "call (attempt 2)")
	if codes := codesOf(e); codes != "2 isv.FLOW_LIMIT, 1 isp.SYSTEM_ERROR, 1 OK" || e.Attempts != 2 || e.Calls != 4 {
		t.Errorf("%s, %+v", codes, e)
	}
	for _, step := range e.Steps {
		if step.At.IsZero() || step.RequestID == "" {
			t.Errorf("%+v", step)
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "the denied bind to wait", func(context.Context) error {
		_, e = explained(t, s, "waiting") //nolint:contextcheck // the test's own
		if e.State != "waiting" || e.Delivery.State != "retry" {
			return errors.New(e.State + " " + e.Delivery.State)
		}
		return nil
	})
	explains(t, s, "waiting", "isv.ACCOUNT_ABNORMAL (Denied)", "it is tried again then", "until")
	// a machine that is slow has had time for a probe, after which the wait doubles
	if wait := e.Until.Sub(e.At); len(e.Steps) == 0 || wait <= 0 || wait > time.Minute<<(len(e.Steps)-1) || len(e.Steps) != e.Calls || e.Delivery.Servers == 0 {
		t.Errorf("%+v", e)
	}
	explains(t, s, "uncertain", "held: it may have taken effect", "dyplsq resolve uncertain --succeeded JSON | --failed | --retry", "dyplsq.NoAnswer")
	explains(t, s, "failed", "isv.NO_AVAILABLE_NUMBER (Exhausted)", "139****0005", "dyplsq codes")
	explains(t, s, "resolved", "settled by anna", "settled by hand: failed", "dyplsq.NoAnswer")
	explains(t, s, "scheduled", "it is to start later", "until", "(in ")
	if r := systemtest.Run(t, s.Env, "", "explain", "nobody"); r.Status != statusUsage || r.Out != "" {
		t.Errorf("an unknown id: exit status %d: %s", r.Status, r.Out)
	}
}

func codesOf(e tasks.Explanation) string {
	var codes []string
	count := 0
	for i, step := range e.Steps {
		count++
		if i+1 == len(e.Steps) || e.Steps[i+1].Code != step.Code {
			codes, count = append(codes, fmt.Sprint(count, " ", step.Code)), 0
		}
	}
	return strings.Join(codes, ", ")
}
