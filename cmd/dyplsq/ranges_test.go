package main

import (
	"context"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// zeroMeans are the flags of which 0 is a value of its own, and what their help says of it. Of
// every other one it is refused: it is neither the default nor nothing.
var zeroMeans = map[string]string{
	"max-attempts": "0 for each kind's own", "wait-replicas": "0 for none", "pool-qps": "0 for none", "archive-bandwidth": "0 for no bound", "in": "0 for at once", "wait": "0 not to wait",
	"seed": "reproducible", "recording-ready-after": "0 for at once", "recording-size": "0 for 2000",
	"duplicates": "0 for none", "late": "0 for none", "out-of-order": "0 for none",
}

// numberFlag is a flag of a command that is a number or a duration, or a map of them.
type numberFlag struct {
	command string
	args    []string // what the command needs beside it
	flag    *kong.Flag
}

func newTestParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := newParser(context.Background(), streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// numberFlags are those of all commands, by the types of their fields.
func numberFlags(t *testing.T) []numberFlag {
	t.Helper()
	var all []numberFlag
	for _, leaf := range newTestParser(t).Model.Leaves(false) {
		args := strings.Fields(leaf.FullPath())[1:]
		for _, positional := range leaf.Positional {
			if positional.Required {
				args = append(args, "x")
			}
		}
		flags := slices.Concat(leaf.AllFlags(true)...)
		for _, flag := range flags {
			if flag.Required {
				args = append(args, "--"+flag.Name+"="+someValue(flag))
			}
		}
		for _, flag := range flags {
			kind := flag.Target.Type()
			for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Map || kind.Kind() == reflect.Slice {
				kind = kind.Elem()
			}
			if kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Float64 {
				all = append(all, numberFlag{leaf.FullPath(), args, flag})
			}
		}
	}
	return all
}

// someValue is one that a flag takes, as far as its type says.
func someValue(flag *kong.Flag) string {
	if flag.Target.Type() == reflect.TypeFor[time.Duration]() {
		return "1h"
	}
	return "x"
}

// parsed is what the command line, or the environment, makes of a flag.
func (f numberFlag) parsed(t *testing.T, parser *kong.Kong, args ...string) (any, error) {
	t.Helper()
	command, err := parse(parser, slices.Concat(f.args, args))
	if err != nil {
		return nil, err
	}
	for _, flag := range command.Flags() {
		if flag.Name == f.flag.Name {
			return flag.Target.Interface(), nil
		}
	}
	t.Fatalf("%s has no --%s", f.command, f.flag.Name)
	return nil, nil
}

// TestEveryNumberHasBounds: each flag that is a number or a duration has a range, and each range a
// flag.
func TestEveryNumberHasBounds(t *testing.T) {
	t.Parallel()
	used, parser := map[string]bool{}, newTestParser(t)
	for _, f := range numberFlags(t) {
		used[f.flag.Name] = true
		if ranges[f.flag.Name] == nil {
			t.Errorf("%s --%s has no range in ranges.go", f.command, f.flag.Name)
		}
		if _, err := f.parsed(t, parser); err != nil {
			t.Errorf("%s: what --%s is by default is refused: %v", f.command, f.flag.Name, err)
		}
		if says, zero := zeroMeans[f.flag.Name]; zero && !strings.Contains(f.flag.Help, says) {
			t.Errorf("%s: the help of --%s does not say %q: %s", f.command, f.flag.Name, says, f.flag.Help)
		}
	}
	for name := range ranges {
		if !used[name] {
			t.Errorf("the range of --%s has no flag", name)
		}
	}
	for name := range zeroMeans {
		if !used[name] {
			t.Errorf("--%s is no flag", name)
		}
	}
	if least := setting.Concurrency.Least; least != len(dispatch.Queues()) {
		t.Errorf("%d calls at once are allowed, for %d queues", least, len(dispatch.Queues()))
	}
}

// trial is a value of a flag, and whether it is to be taken.
type trial struct {
	value string
	taken bool
}

// trials are values of every kind, by what they are.
func (f numberFlag) trials() map[string]trial {
	sound, large, unit := "64", "99999999999", ""
	if strings.Contains(f.flag.Target.Type().String(), "Duration") {
		sound, large, unit = "5m", "200000h", "s"
	}
	if ranges[f.flag.Name] == any(setting.SimShare) {
		sound = "0.5"
	}
	return map[string]trial{
		"0": {"0" + unit, zeroMeans[f.flag.Name] != ""}, "negative": {"-5" + unit, false}, "nothing": {"", false}, "blanks alone": {"  ", false},
		"absurdly large": {large, f.flag.Name == "seed"}, "larger than any number": {"9" + large + large + "h", false},
		"text": {"many", false}, "with blanks": {" " + sound + "\t\n", true}, "sound": {sound, true},
	}
}

// try gives a flag a value, by itself or by its variable.
func (f numberFlag) try(t *testing.T, parser *kong.Kong, test trial, from string) {
	t.Helper()
	key := ""
	if f.flag.Target.Kind() == reflect.Map {
		key = "BindAxn="
	}
	args := []string{"--" + f.flag.Name + "=" + key + test.value}
	if from != "" {
		t.Setenv(from, test.value)
		if unsetBlanks(); test.value == "" {
			test.taken = true // as if it were not there
		}
		args = nil
	}
	got, err := f.parsed(t, parser, args...)
	switch {
	case !test.taken && err == nil:
		t.Errorf("%q is taken, as %v", test.value, got)
	case test.taken && err != nil:
		t.Errorf("%q is refused: %v", test.value, err)
	case test.taken:
		var same []string
		if value := strings.TrimSpace(test.value); value != "" {
			same = []string{"--" + f.flag.Name + "=" + key + value}
		}
		want, err := f.parsed(t, parser, same...)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	case statusOf(err) != statusUsage || !strings.Contains(err.Error(), "--"+f.flag.Name):
		t.Errorf("status %d, and the flag is not named: %v", statusOf(err), err)
	case key == "" && !strings.Contains(err.Error(), "must be"):
		t.Errorf("neither rule nor remedy: %v", err)
	}
}

// TestNumbersOutOfBoundsAreRefused: of every number, as a flag and from the environment: 0 and
// nothing are never the default in disguise, blanks around do not matter, and what cannot be meant
// is refused with its name, the rule and the remedy.
func TestNumbersOutOfBoundsAreRefused(t *testing.T) { //nolint:paralleltest // the environment is the process's
	parser := newTestParser(t)
	for _, f := range numberFlags(t) { //nolint:paralleltest // likewise
		for name, test := range f.trials() {
			for _, from := range append([]string{""}, f.flag.Envs...) {
				t.Run(strings.Join([]string{f.command, f.flag.Name, name, from}, " "), func(t *testing.T) { f.try(t, parser, test, from) })
			}
		}
	}
}

// TestEverythingOutOfBoundsIsToldAtOnce: with the variable that a flag may have come from.
func TestEverythingOutOfBoundsIsToldAtOnce(t *testing.T) {
	t.Setenv("DYPLSQ_KEEP", "1s")
	t.Setenv("DYPLSQ_WAIT_REPLICAS", "-1")
	_, err := parse(newTestParser(t), []string{"worker", "--qps", "BindAxn=0;BindAxb=-1"})
	if err == nil {
		t.Fatal("all of it is taken")
	}
	for _, text := range []string{"4 problems", "--keep (DYPLSQ_KEEP) must be 1m to", "--wait-replicas (DYPLSQ_WAIT_REPLICAS)", "--qps of BindAxb", "--qps of BindAxn"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("does not say %q: %v", text, err)
		}
	}
	if names := slices.Sorted(maps.Keys(ranges)); len(names) < 20 {
		t.Errorf("only %v have ranges", names)
	}
}

// TestUnreadableFlagsAreToldAsOthers: a flag that kong cannot read is named with rule and remedy,
// never in words of its scanner.
func TestUnreadableFlagsAreToldAsOthers(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]string{
		"worker --qps A=x":            "--qps: of A must be calls a second, such as 100",
		"worker --qps BindAxn=1;b= x": "--qps: of b must be calls a second, such as 100",
		"worker --qps BindAxn":        "--qps: must be ACTION=N: write it as in BindAxn=100",
		"worker --qps =5":             "--qps: must be ACTION=N",
		"sim --quota BindAxn=1.5":     "--quota: of BindAxn must be a whole number, such as 64",
		"worker --qps":                "--qps: must have a value",
		"worker --keep":               "--keep: must have a value",
		"worker --account":            "--account: must have a value",
		"sim --listen":                "--listen: must have a value",
	} {
		_, err := parse(newTestParser(t), strings.SplitN(arguments, " ", 3))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "EOL") || statusOf(err) != statusUsage {
			t.Errorf("%s: %v, want %s", arguments, err, want)
		}
	}
	var read commands
	parser, err := kong.New(&read, append(numbers(), kong.Name("dyplsq"), kong.BindTo(t.Context(), (*context.Context)(nil)))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"worker", "--qps", "BindAxn= 5 ;BindAxb=0.5", "--qps", "BindAxg=7"}); err != nil {
		t.Fatal(err)
	}
	if got := read.Worker.QPS; len(got) != 3 || got["BindAxn"] != 5 || got["BindAxb"] != 0.5 || got["BindAxg"] != 7 {
		t.Errorf("read as %v", got)
	}
}
