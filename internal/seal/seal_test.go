package seal

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var here = Place{Account: "shop", Key: "dypls:{order-1}", Field: "request"}

func keysOf(t *testing.T, f File) *Keys {
	t.Helper()
	k, err := Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedValueOpensAtItsPlace(t *testing.T) {
	t.Parallel()
	f := NewFile("k1")
	k := keysOf(t, f)
	for _, plain := range []string{"13900000001", strings.Repeat("x", 100_000), "\x00dq 13900000001"} {
		sealed := k.Seal(here, plain)
		if strings.Contains(sealed, plain) || sealed == k.Seal(here, plain) {
			t.Errorf("%.20q is sealed as %.80q", plain, sealed)
		}
		if id, is := KeyID(sealed); !is || id != "k1" {
			t.Errorf("sealed by %q, %v", id, is)
		}
		if opened, err := k.Open(here, sealed); err != nil || opened != plain {
			t.Errorf("opened as %.20q, %v", opened, err)
		}
	}
	for _, at := range []Place{{}, {"", here.Key, here.Field}, {here.Account, "dypls:{order-2}", here.Field}, {here.Account, here.Key, "result"}, {"shopd", "ypls:{order-1}", "request"}} {
		var tampered *TamperedError
		if _, err := k.Open(at, k.Seal(here, "13900000001")); !errors.As(err, &tampered) || strings.Contains(err.Error(), "139") {
			t.Errorf("at %+v: %v", at, err)
		}
	}
}

// What is not sealed stays as it is, with and without keys.
func TestWithoutKeys(t *testing.T) {
	t.Parallel()
	var none *Keys
	k := keysOf(t, NewFile("k1"))
	for _, plain := range []string{"", "13900000001", `{"PhoneNoA":"13900000001"}`} {
		if none.Seal(here, plain) != plain {
			t.Error("sealed without keys")
		}
		for _, k := range []*Keys{none, k} {
			if opened, err := k.Open(here, plain); err != nil || opened != plain {
				t.Errorf("%q: %q, %v", plain, opened, err)
			}
		}
	}
	var missing *MissingKeyError
	if _, err := none.Open(here, k.Seal(here, "x")); !errors.As(err, &missing) || missing.KeyID != "k1" {
		t.Error(err)
	}
}

// Every bit of a sealed value matters, and so does every byte that is missing.
func TestTamperedValues(t *testing.T) {
	t.Parallel()
	k := keysOf(t, NewFile("k1"))
	sealed := k.Seal(here, "13900000001")
	for i := range sealed {
		for bit := range 8 {
			changed := []byte(sealed)
			changed[i] ^= 1 << bit
			opened, err := k.Open(here, string(changed))
			if i < len(magic) { // it is none of ours
				continue
			}
			if err == nil {
				t.Fatalf("byte %d, bit %d: opened as %q", i, bit, opened)
			}
		}
		if _, err := k.Open(here, sealed[:i]); err == nil && i >= len(magic) {
			t.Errorf("opens without its last %d bytes", len(sealed)-i)
		}
	}
}

// Keys of which none is active open, and seal nothing.
func TestNoneIsActive(t *testing.T) {
	t.Parallel()
	f := NewFile("k1")
	sealed := keysOf(t, f).Seal(here, "13900000001")
	f.Active = ""
	k := keysOf(t, f)
	if opened, err := k.Open(here, sealed); err != nil || opened != "13900000001" || k.Seal(here, opened) != opened {
		t.Errorf("%q, %v", opened, err)
	}
	if !k.On() || k.Seals() || k.Active() != "" || !keysOf(t, NewFile("k1")).Seals() {
		t.Error("it says otherwise")
	}
}

func TestOldKeysOpen(t *testing.T) {
	t.Parallel()
	f := NewFile("k1")
	old := keysOf(t, f)
	sealed, hash := old.Seal(here, "13900000001"), string(old.Hash("number", "13900000001"))
	f.Add("k2")
	f.Active = "k2"
	k := keysOf(t, f)
	if opened, err := k.Open(here, sealed); err != nil || opened != "13900000001" {
		t.Errorf("%q, %v", opened, err)
	}
	if id, _ := KeyID(k.Seal(here, "x")); id != "k2" || k.Active() != "k2" || strings.Join(k.IDs(), " ") != "k1 k2" {
		t.Errorf("sealed by %q; %v", id, k.IDs())
	}
	if string(k.Hash("number", "13900000001")) != hash || string(k.Hash("other", "13900000001")) == hash {
		t.Error("the hash depends on the wrong things")
	}
	f.Keys[0].Key = newSecret()
	var tampered *TamperedError
	if _, err := keysOf(t, f).Open(here, sealed); !errors.As(err, &tampered) {
		t.Errorf("another key under the same id: %v", err)
	}
}

// A process that lacks a key reads its file again, and opens what another one sealed by a new key.
func TestKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	f := NewFile("k1")
	write := func(mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, f.Marshal(), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write(0o600)
	k, err := FromFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	f.Add("k2")
	f.Active = "k2"
	sealed := keysOf(t, f).Seal(here, "x")
	var missing *MissingKeyError
	if _, err := k.Open(here, sealed); !errors.As(err, &missing) {
		t.Error(err)
	}
	write(0o600) // it is read at once, as it has changed
	if opened, err := k.Open(here, sealed); err != nil || opened != "x" || k.Active() != "k2" {
		t.Errorf("%q, %v, %s", opened, err, k.Active())
	}
	write(0o644)
	if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 600") || k.Active() != "k2" {
		t.Errorf("a file for everybody: %v", err)
	}
}

// Keys may come from what a command prints; what goes wrong is told, and shows none.
func TestKeysOfACommand(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs sh, which is not installed")
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, NewFile("k2").Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	commanded, err := FromCommand(t.Context(), "cat "+path)
	if err != nil || commanded.Active() != "k2" {
		t.Errorf("%v", err)
	}
	for command, want := range map[string]string{"exit 3": "exit status 3", "echo secret": "not the JSON"} {
		if _, err := FromCommand(t.Context(), command); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", command, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FromCommand(canceled, "sleep 60"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A process that seals and never opens, as a producer does, seals by the key that its file has
// active by now: the one of before is dropped one day.
func TestWhoSealsReadsAChangedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	f := NewFile("k1")
	f.Add("k2")
	write := func() {
		t.Helper()
		if err := os.WriteFile(path, f.Marshal(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	k, err := FromFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	f.Active, f.Keys = "k2", append(f.Keys, NewFile("k3").Keys...)
	write()
	k.looked.Store(0)
	if id, _ := KeyID(k.Seal(here, "x")); id != "k2" {
		t.Errorf("it is sealed by %q, want k2", id)
	}
}

// Many values whose key is missing wait together for a source that hangs, not one after the other.
func TestManyValuesWaitOnce(t *testing.T) {
	t.Parallel()
	f := NewFile("k1")
	first := true
	k, err := from(t.Context(), func(context.Context) ([]byte, error) {
		if first {
			first = false
			return f.Marshal(), nil
		}
		<-t.Context().Done()
		return nil, t.Context().Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	others := keysOf(t, NewFile("k2")).Seal(here, "x")
	k.readAt, k.waitFor = time.Now().Add(-readAgainAfter), 50*time.Millisecond
	began := time.Now()
	for range 1000 { // 50 s, one after the other
		if _, err := k.Open(here, others); err == nil {
			t.Fatal("it opened")
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestParseFileTellsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := ParseFile([]byte(`{"hash":"AAAA","active":"k9","keys":[{"id":"a b","key":"c2VjcmV0"},{"id":"k1","key":""},{"id":"k1","key":""}]}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"hash", "keys[0].id", "keys[0].key", "keys[2].id", "active"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "c2VjcmV0") {
		t.Error("it shows a key")
	}
}

// A source that hangs holds nobody up for long, and its answer serves all who lack a key.
func TestKeysOfASlowSource(t *testing.T) {
	t.Parallel()
	f := NewFile("k1")
	before := f.Marshal()
	f.Add("k2")
	f.Active = "k2"
	sealed := keysOf(t, f).Seal(here, "x")
	answer, asked := make(chan struct{}), make(chan struct{}, 8)
	first := true
	k, err := from(t.Context(), func(context.Context) ([]byte, error) {
		if first {
			first = false
			return before, nil
		}
		asked <- struct{}{}
		<-answer
		return f.Marshal(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k.readAt, k.waitFor = time.Now().Add(-readAgainAfter), time.Millisecond
	var lacking sync.WaitGroup
	for range 8 {
		lacking.Go(func() {
			var missing *MissingKeyError
			if _, err := k.Open(here, sealed); !errors.As(err, &missing) {
				t.Error(err)
			}
		})
	}
	lacking.Wait()
	over, _ := k.readAgain()
	close(answer)
	<-over
	if opened, err := k.Open(here, sealed); err != nil || opened != "x" || len(asked) != 1 {
		t.Errorf("%q, %v, asked %d times", opened, err, len(asked))
	}
}

func BenchmarkHash(b *testing.B) {
	k, _ := Of(NewFile("k1"))
	for b.Loop() {
		k.Hash("fingerprint", "13900000001")
	}
}

func BenchmarkSealOpen(b *testing.B) {
	k, _ := Of(NewFile("k1"))
	for b.Loop() {
		if _, err := k.Open(here, k.Seal(here, `{"PhoneNoA":"13900000001","PhoneNoB":"13900000002","Expiration":"2026-12-01 00:00:00"}`)); err != nil {
			b.Fatal(err)
		}
	}
}
