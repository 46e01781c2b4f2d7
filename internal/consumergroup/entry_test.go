package consumergroup

import (
	"math"
	"testing"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0-0", "1790000000000-0", "5-18446744073709551615"} {
		if problems := CheckEntry("after", text); problems != nil {
			t.Errorf("%q: %v", text, problems)
		}
	}
	for _, text := range []string{"", "-", "5", "5-", "-5", "05-0", "+5-0", "5-0-0", "5-00", " 5-0", "5-0 ", "5-x", "18446744073709551616-0", "$", ">", "*"} {
		if problems := CheckEntry("after", text); len(problems) != 1 || problems[0].Field != "after" {
			t.Errorf("%q: %v", text, problems)
		}
	}
	for _, order := range [][2]string{{"9-0", "10-0"}, {"9-9", "9-10"}, {"9-10", "10-9"}} {
		if !IsLater(order[1], order[0]) || IsLater(order[0], order[1]) || IsLater(order[0], order[0]) {
			t.Errorf("%v are not in this order", order)
		}
	}
	for entry, want := range map[string]string{"7-0": "7-1", writeEntry(7, math.MaxUint64): "8-0"} {
		if got := behind(entry); got != want {
			t.Errorf("behind %s is %s, want %s", entry, got, want)
		}
	}
}

func TestBounded(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000, math.MaxInt: 1000} {
		if got := Bounded(most); got != want {
			t.Errorf("%d: %d, want %d", most, got, want)
		}
	}
}
