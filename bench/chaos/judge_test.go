package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	entry := func(task int, subsID, code string) dyplstest.Entry {
		return dyplstest.Entry{
			Action: "BindAxn", Parameters: map[string]string{"OutId": taskID(task)}, Performed: subsID != "", SubsID: subsID, Code: code,
		}
	}
	ok := func(subsID string) told { return told{binding: handrolled.Binding{SubsID: subsID}} }
	failed := told{err: fmt.Errorf("%w: isv.BIND_CONFLICT", handrolled.ErrFailed)}
	got := judge([]told{ // the even ones name their X
		0: ok("a"),
		1: ok("c"),
		2: failed,
		3: failed,
		4: {err: handrolled.ErrPending},
		5: {err: errors.New("no Redis")},
		7: ok("d"),
		6: ok("a"),
	}, []dyplstest.Entry{
		entry(0, "a", "OK"),
		entry(1, "b", ""), entry(1, "c", "OK"),
		entry(2, "e", ""), entry(2, "", "isv.BIND_CONFLICT"),
		entry(3, "", "isv.NO_AVAILABLE_NUMBER"),
		entry(5, "f", ""), entry(5, "g", ""), entry(5, "h", "OK"),
		entry(6, "i", "OK"),
		entry(7, "d", "OK"),
	})
	want := tally{
		named:  counts{asked: 4, lost: 1, made: 3, boundFailed: 1, noResult: 1, wrong: 1},
		chosen: counts{asked: 4, lost: 3, made: 6, surplus: 3, failed: 1, noResult: 1},
		all:    counts{asked: 8, lost: 4, made: 9, surplus: 3, boundFailed: 1, failed: 1, noResult: 2, wrong: 1},
	}
	if got != want {
		t.Errorf("judge:\n got %+v\nwant %+v", got, want)
	}
	var table strings.Builder
	got.write(&table)
	if last := "| all | 8 | 4 | 9 | 3 | 1 | 1 | 1 | 2 |\n"; !strings.HasSuffix(table.String(), last) {
		t.Errorf("the table is\n%swant its last line\n%s", table.String(), last)
	}
}

// TestLoad: the requests are those that the simulated pools are made for, and no two are the same.
func TestLoad(t *testing.T) {
	t.Parallel()
	const n = 100
	numbers := map[string]bool{}
	for _, x := range simulated(n).Pools[0].Numbers {
		numbers[string(x)] = true
	}
	named, seen := 0, map[handrolled.BindRequest]bool{}
	for i := range n {
		req := bind(i)
		if seen[req] {
			t.Errorf("the %dth bind is there already: %+v", i, req)
		}
		seen[req] = true
		if (req.PhoneNoX != "") != (req.PoolKey == namedPool) || req.PhoneNoX != "" && !numbers[req.PhoneNoX] {
			t.Errorf("the %dth bind does not fit its pool: %+v", i, req)
		}
		if req.PhoneNoX != "" {
			named++
		}
	}
	if named != n/2 {
		t.Errorf("%d of %d name their X, want half", named, n)
	}
}
