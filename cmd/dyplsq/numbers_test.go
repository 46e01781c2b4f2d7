package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNumbers: where a pool has an inventory, every bind names its X: one whose answer is lost is
// found.
func TestNumbers(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 2)}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
	})
	file := string(dyplstest.Numbers("170", 2)[0]) + "\n" + string(dyplstest.Numbers("170", 2)[1]) + ",北京\n"
	if r := systemtest.Run(t, s.Env, "17000000000\nno number\n1700,0\n", "numbers", "import", dyplstest.DefaultPoolKey, "-"); r.Status != statusUsage ||
		!strings.Contains(r.Errors, "line 2") || !strings.Contains(r.Errors, "line 3") || strings.Contains(r.Errors, "17000000000") {
		t.Errorf("a bad file: exit status %d, %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, file, "numbers", "import", dyplstest.DefaultPoolKey, "-"); r.Status != statusOK || !strings.HasPrefix(r.Out, "2 added") {
		t.Errorf("import: exit status %d, %s%s", r.Status, r.Out, r.Errors)
	}
	s.Worker(t)
	o := s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, `,"ExpectCity":"北京"`), "--id", "lost", "--wait", "60s")[0]
	if done := s.Performed("lost"); o.State != tasks.StateSucceeded || len(done) != 1 || done[0].Parameters["PhoneNoX"] != "17000000001" {
		t.Errorf("the bind whose answer was lost is %s; performed: %+v", o.State, done)
	}
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "second", "--wait", "20s")
	if o := s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(3, ""), "--id", "third", "--wait", "20s")[0]; o.Class != "Exhausted" || o.Calls != 0 {
		t.Errorf("with no number left: %s %s after %d calls", o.Code, o.Class, o.Calls)
	}
	second := s.Performed("second")[0]
	s.Enqueue(t, statusOK, "UnbindSubscription", fmt.Sprintf(`{"PoolKey":%q,"SubsId":%q,"SecretNo":%q}`,
		dyplstest.DefaultPoolKey, second.SubsID, string(second.SecretNo)), "--wait", "20s")
	list := systemtest.Run(t, s.Env, "", "numbers", "list")
	if list.Status != statusOK || !strings.Contains(list.Out, "北京") {
		t.Errorf("list: exit status %d, %s", list.Status, list.Out)
	}
	systemtest.NoNumbers(t, "the list", list.Out)
	counts := systemtest.Run(t, s.Env, "", "numbers", "list", dyplstest.DefaultPoolKey, "--json")
	if !strings.Contains(counts.Out, `"city":"","free":0,"resting":1,"leased":0,"bound":0`) || !strings.Contains(counts.Out, `"city":"北京","free":0,"resting":0,"leased":0,"bound":1`) {
		t.Errorf("after an unbind the counts are\n%s", counts.Out)
	}
	if r := systemtest.Run(t, s.Env, file, "numbers", "release", dyplstest.DefaultPoolKey, "-"); r.Status != statusUsage || !strings.Contains(r.Errors, "in use") {
		t.Errorf("release of numbers in use: exit status %d, %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, file, "numbers", "release", dyplstest.DefaultPoolKey, "-", "--force"); r.Status != statusOK {
		t.Errorf("release --force: exit status %d, %s", r.Status, r.Errors)
	}
}

// TestNumbersReadmit: a number that the API said is not there is given to no bind, until somebody
// readmits it.
func TestNumbersReadmit(t *testing.T) {
	t.Parallel()
	numbers := dyplstest.Numbers("170", 2)
	s := systemtest.New(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: numbers}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.AnswerCode, Code: "isv.NO_NOT_EXIST", Times: 1}},
	})
	file := string(numbers[0]) + "\n"
	run := func(args ...string) systemtest.Result {
		t.Helper()
		return systemtest.Run(t, s.Env, file, args...)
	}
	if r := run("numbers", "import", dyplstest.DefaultPoolKey, "-"); r.Status != statusOK {
		t.Fatalf("import: exit status %d, %s", r.Status, r.Errors)
	}
	counts := func() string {
		t.Helper()
		return run("numbers", "list", dyplstest.DefaultPoolKey, "--json").Out
	}
	s.Env = append(s.Env, "DYPLSQ_NUMBER_COOLDOWN=1s")
	s.Worker(t)
	if o := s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(1, ""), "--wait", "20s")[0]; o.State != tasks.StateFailed {
		t.Errorf("a bind without a number that is there is %s %s", o.State, o.Code)
	}
	if got := counts(); !strings.Contains(got, `"free":0`) || !strings.Contains(got, `"aside":1`) {
		t.Errorf("after the refusal: %s", got)
	}
	file += string(numbers[1]) + "\n"
	r := run("numbers", "readmit", dyplstest.DefaultPoolKey, "-")
	if r.Status != statusOK || r.Out != "1 not set aside any more, 1 unknown\n" {
		t.Errorf("readmit: exit status %d, %s%s", r.Status, r.Out, r.Errors)
	}
	redistest.Poll(t, systemtest.StartWithin, "the number to have rested", func(context.Context) error {
		if got := counts(); !strings.Contains(got, `"free":1,"resting":0,"leased":0,"bound":0,"aside":0`) {
			return errors.New(got)
		}
		return nil
	})
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--wait", "20s")
}
