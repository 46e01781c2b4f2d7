package inventory_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// audit reads everything that stands in Redis for the tests' pool, and fails where one part does
// not follow from another: what leases hold is what numbers and slots count, and the lists that
// numbers are chosen from hold what they should.
func (s stock) audit(tb testing.TB) {
	tb.Helper()
	a := audit{
		stock: s, TB: tb, held: map[string]int{}, bound: map[string]int{}, slots: map[string]string{}, taken: map[string][]byte{},
	}
	a.leases()
	a.rests()
	a.numbers()
}

type audit struct {
	stock
	testing.TB

	held, bound map[string]int    // leases by X
	slots       map[string]string // how many leases hold each, 0 where it rests
	taken       map[string][]byte // extensions by X
}

func (a audit) hash(name string) map[string]string {
	return a.client.HGetAll(a.Context(), inventory.Key(pool, name)).Val()
}

func (a audit) zset(name string) map[string]string {
	scores := map[string]string{}
	for _, z := range a.client.ZRangeWithScores(a.Context(), inventory.Key(pool, name), 0, -1).Val() {
		scores[z.Member.(string)] = strconv.FormatFloat(z.Score, 'f', -1, 64)
	}
	return scores
}

func (a audit) same(name string, got, want any) {
	a.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		a.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func (a audit) leases() {
	until, open, subs := map[string]string{}, map[string]string{}, map[string]string{}
	for task, value := range a.hash("leases") {
		f := strings.Split(value, " ")
		number, state, since, till, id := f[0], f[5], f[6], f[7], f[8]
		a.held[number]++
		for _, slot := range f[2:5] {
			if slot != "-" {
				n, _ := strconv.Atoi(a.slots[number+"|"+slot])
				a.slots[number+"|"+slot] = strconv.Itoa(n + 1)
			}
		}
		if state == "open" {
			open[task] = since
			continue
		}
		a.bound[number]++
		if id != "-" { // or forgotten
			subs[number+"|"+id] = task
		}
		if till != "0" {
			until[task] = till
		}
	}
	a.same("until", a.zset("until"), until)
	a.same("open", a.zset("open"), open)
	a.same("subs", a.hash("subs"), subs)
}

func (a audit) rests() {
	for slot := range a.zset("rests") {
		if strings.Contains(slot, "|") && a.slots[slot] == "" {
			a.slots[slot] = "0"
		}
	}
	a.same("slots", a.hash("slots"), a.slots)
	for slot := range a.slots {
		number, extension, _ := strings.Cut(slot, "|")
		if len(extension) != 3 || extension[0] == '0' { // the others are never chosen
			continue
		}
		n, _ := strconv.Atoi(extension)
		if a.taken[number] == nil {
			a.taken[number] = []byte(strings.Repeat("0", 900))
		}
		a.taken[number][n-100] = '1'
	}
	extensions := map[string][]byte{}
	for number, text := range a.hash("extensions") {
		extensions[number] = []byte(text[3:]) // after where to look next
	}
	a.same("extensions", extensions, a.taken)
}

func (a audit) numbers() {
	idle, inCity, room, counted := map[string]string{}, map[string]string{}, map[string]string{}, map[string]int{}
	var handles []string
	for number, value := range a.hash("numbers") {
		f := strings.SplitN(value, " ", 6)
		kind, held, bound, rest, aside, city := f[0], f[1], f[2], f[3], f[4], f[5]
		if held != strconv.Itoa(a.held[number]) || bound != strconv.Itoa(a.bound[number]) {
			a.Errorf("%s: %s held, %s bound, want %d and %d", number, held, bound, a.held[number], a.bound[number])
		}
		delete(a.held, number)
		if strings.HasPrefix(number, "x") {
			handles = append(handles, number)
		}
		counted[place(held, bound, aside)+"|"+city]++
		if aside != "-" {
			continue
		}
		if held == "0" {
			idle[number] = rest
			inCity[fmt.Sprintf("%s|%013s|%s", city, rest, number)] = "0"
		}
		if a.hasRoom(number, kind, held) {
			room[kind+"|"+city+"|"+number] = "0"
		}
	}
	a.same("idle", a.zset("idle"), idle)
	a.same("idle:city", a.zset("idle:city"), inCity)
	a.same("room", a.zset("room"), room)
	slices.Sort(handles)
	a.same("sealed", slices.Sorted(maps.Keys(a.hash("sealed"))), handles)
	counts := map[string]int{}
	for where, n := range a.hash("counts") {
		counts[where], _ = strconv.Atoi(n)
	}
	a.same("counts", counts, counted)
	if len(a.held) > 0 {
		a.Errorf("leases on numbers that the inventory has not: %v", slices.Collect(maps.Keys(a.held)))
	}
}

func place(held, bound, aside string) string {
	switch {
	case aside == "~":
		return "leaving"
	case aside != "-":
		return "aside"
	case bound != "0":
		return "bound"
	case held != "0":
		return "leased"
	}
	return "idle"
}

func (a audit) hasRoom(number, kind, held string) bool {
	switch inventory.Kind(kind) {
	case inventory.Pair:
		return held != strconv.Itoa(inventory.MostPairs)
	case inventory.Extension:
		return a.taken[number] == nil || strings.Contains(string(a.taken[number]), "0")
	default:
		return false
	}
}
