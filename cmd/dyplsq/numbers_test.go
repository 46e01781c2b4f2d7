package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNumbers: where a pool has an inventory, every bind names its X: one whose answer is lost is found.
func TestNumbers(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 2)}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
	})
	file := string(dyplstest.Numbers("170", 2)[0]) + "\n" + string(dyplstest.Numbers("170", 2)[1]) + ",北京\n"
	if r := dyplsq(t, s.env, "17000000000\nno number\n1700,0\n", "numbers", "import", dyplstest.DefaultPoolKey, "-"); r.status != statusUsage ||
		!strings.Contains(r.errors, "line 2") || !strings.Contains(r.errors, "line 3") || strings.Contains(r.errors, "17000000000") {
		t.Errorf("a bad file: exit status %d, %s", r.status, r.errors)
	}
	if r := dyplsq(t, s.env, file, "numbers", "import", dyplstest.DefaultPoolKey, "-"); r.status != statusOK || !strings.HasPrefix(r.out, "2 added") {
		t.Errorf("import: exit status %d, %s%s", r.status, r.out, r.errors)
	}
	s.worker(t)
	o := s.enqueue(t, statusOK, "BindAxn", bind(1, `,"ExpectCity":"北京"`), "--id", "lost", "--wait", "60s")[0]
	if done := s.performed("lost"); o.State != tasks.StateSucceeded || len(done) != 1 || done[0].Parameters["PhoneNoX"] != "17000000001" {
		t.Errorf("the bind whose answer was lost is %s; performed: %+v", o.State, done)
	}
	s.enqueue(t, statusOK, "BindAxn", bind(2, ""), "--id", "second", "--wait", "20s")
	if o := s.enqueue(t, statusFailed, "BindAxn", bind(3, ""), "--id", "third", "--wait", "20s")[0]; o.Class != "Exhausted" || o.Calls != 0 {
		t.Errorf("with no number left: %s %s after %d calls", o.Code, o.Class, o.Calls)
	}
	second := s.performed("second")[0]
	s.enqueue(t, statusOK, "UnbindSubscription", fmt.Sprintf(`{"PoolKey":%q,"SubsId":%q,"SecretNo":%q}`,
		dyplstest.DefaultPoolKey, second.SubsID, string(second.SecretNo)), "--wait", "20s")
	list := dyplsq(t, s.env, "", "numbers", "list")
	if list.status != statusOK || !strings.Contains(list.out, "北京") {
		t.Errorf("list: exit status %d, %s", list.status, list.out)
	}
	noNumbers(t, "the list", list.out)
	counts := dyplsq(t, s.env, "", "numbers", "list", dyplstest.DefaultPoolKey, "--json")
	if !strings.Contains(counts.out, `"city":"","free":0,"resting":1,"leased":0,"bound":0`) || !strings.Contains(counts.out, `"city":"北京","free":0,"resting":0,"leased":0,"bound":1`) {
		t.Errorf("after an unbind the counts are\n%s", counts.out)
	}
	if r := dyplsq(t, s.env, file, "numbers", "release", dyplstest.DefaultPoolKey, "-"); r.status != statusUsage || !strings.Contains(r.errors, "in use") {
		t.Errorf("release of numbers in use: exit status %d, %s", r.status, r.errors)
	}
	if r := dyplsq(t, s.env, file, "numbers", "release", dyplstest.DefaultPoolKey, "-", "--force"); r.status != statusOK {
		t.Errorf("release --force: exit status %d, %s", r.status, r.errors)
	}
}
