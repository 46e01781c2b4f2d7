package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestKeysFile: a file of keys is made once, for its owner alone; keys are added, activated and
// never overwritten, and what cannot be is refused with the remedy.
func TestKeysFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	run := func(want int, args ...string) string {
		t.Helper()
		r := systemtest.Run(t, systemtest.CleanEnv(), "", append([]string{"keys"}, args...)...)
		if r.Status != want {
			t.Fatalf("keys %v: exit status %d, want %d: %s", args, r.Status, want, r.Errors)
		}
		return r.Out + r.Errors
	}
	read := func() seal.File {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := seal.ParseFile(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	run(systemtest.StatusOK, "new", file, "--id", "k1")
	first := read()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || first.Active != "" || len(first.Keys) != 1 {
		t.Errorf("%v, %v, active %s", info.Mode(), err, first.Active)
	}
	if said := run(statusUsage, "new", file); !strings.Contains(said, "--add") {
		t.Error(said)
	}
	run(systemtest.StatusOK, "new", file, "--add", "--id", "k2")
	run(statusUsage, "new", file, "--add", "--id", "k2")
	run(statusUsage, "new", file, "--add", "--id", "not an id")
	run(statusUsage, "new", file+".other", "--add")
	if said := run(statusUsage, "activate", file, "k9"); !strings.Contains(said, "k1, k2") || strings.Contains(said, "broken") {
		t.Error(said)
	}
	today := time.Now().Day()
	dated := strings.TrimSpace(run(systemtest.StatusOK, "new", file, "--add"))
	if again := strings.TrimSpace(run(systemtest.StatusOK, "new", file, "--add")); again != dated+".2" && time.Now().Day() == today {
		t.Errorf("%s, then %s", dated, again)
	}
	run(systemtest.StatusOK, "activate", file, "k2")
	f := read()
	if f.Active != "k2" || len(f.Keys) != 4 || string(f.Hash) != string(first.Hash) || string(f.Keys[0].Key) != string(first.Keys[0].Key) {
		t.Errorf("active %s, %d keys", f.Active, len(f.Keys))
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, flags := range [][]string{{"--keys-file", file, "--keys-command", "cat " + file}, {"--keys-file", file + ".none"}} {
		if said := run(statusUsage, append([]string{"status", "--redis-url", "redis://127.0.0.1:1/0"}, flags...)...); !strings.Contains(said, "--keys-file") {
			t.Error(said)
		}
	}
	if said := run(statusFailed, "status", "--redis-url", "redis://127.0.0.1:1/0", "--keys-command", "echo secret; false"); strings.Contains(said, "secret") {
		t.Error(said)
	}
}

// TestKeysThatWereNotOpened are never taken for none.
func TestKeysThatWereNotOpened(t *testing.T) {
	t.Parallel()
	for _, f := range []keysFlags{{KeysFile: "keys.json"}, {KeysCommand: "cat keys.json"}} {
		if keys, err := f.keys(); keys.On() || !errors.Is(err, errNotApplied) {
			t.Errorf("%v, %v", keys, err)
		}
	}
	if keys, err := (keysFlags{}).keys(); keys.On() || err != nil {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestSealPoolsGoesOn: a number that cannot be sealed, because its leases are not those that it
// counts, keeps no other pool from being sealed.
func TestSealPoolsGoesOn(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	numbers := inventory.New(client, 0)
	for pool, x := range map[string]string{"FC1": "17000000001", "FC2": "17000000002"} {
		if _, err := numbers.Import(t.Context(), pool, []inventory.Number{{X: dypls.Phone(x)}}); err != nil {
			t.Fatal(err)
		}
	}
	client.HSet(t.Context(), "dypls:{pool:FC1}:numbers", "17000000001", "one 1 0 0 - ")
	keys := sealtest.New(t)
	left, err := sealPools(t.Context(), numbers.WithKeys(keys))
	if err != nil || !errors.Is(left, inventory.ErrLeftInClear) {
		t.Errorf("left %v, %v", left, err)
	}
	for pool, want := range map[string]int{"FC1": 1, "FC2": 0} {
		if n, err := numbers.InClear(t.Context(), pool); n != want || err != nil {
			t.Errorf("%d numbers of %s are in clear, want %d, %v", n, pool, want, err)
		}
	}
}
