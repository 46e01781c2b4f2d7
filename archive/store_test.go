package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
)

func read(t *testing.T, s Store, name string) string {
	t.Helper()
	body, size, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	if err != nil || int64(len(text)) != size {
		t.Fatalf("%d bytes of %d, %v", len(text), size, err)
	}
	return string(text)
}

// checkStore checks what every store promises.
func checkStore(t *testing.T, s Store) {
	t.Helper()
	const name = "default/FC1/2026/11/28/c1.mp3"
	if _, _, err := s.Get(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	put := func(name, text string) error {
		return s.Put(t.Context(), name, strings.NewReader(text), int64(len(text)))
	}
	if err := put(name, "first"); err != nil {
		t.Fatal(err)
	}
	if err := put(name, "second"); !errors.Is(err, ErrExists) {
		t.Errorf("what is there: %v", err)
	}
	if got := read(t, s, name); got != "first" {
		t.Errorf("it has %q", got)
	}
	if err := s.Put(t.Context(), "default/short.mp3", strings.NewReader("123"), 5); err == nil {
		t.Error("3 bytes of 5 are taken for the whole")
	}
	if _, _, err := s.Get(t.Context(), "default/short.mp3"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what failed is there: %v", err)
	}
	if err := s.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if l := s.Location(name); !strings.HasSuffix(l, name) || !strings.Contains(l, "://") {
		t.Errorf("location %s", l)
	}
	checkPlayed(t, s, name, "first")
	const many, names = 8, 5
	var won atomic.Int32
	var racing sync.WaitGroup
	for i := range names {
		for j := range many {
			racing.Go(func() {
				text := bytes.Repeat([]byte{"abcdefgh"[j]}, 100_000)
				err := s.Put(t.Context(), fmt.Sprintf("default/race%d.mp3", i), bytes.NewReader(text), int64(len(text)))
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, ErrExists) {
					t.Error(err)
				}
			})
		}
	}
	racing.Wait()
	if won.Load() != names {
		t.Errorf("%d of %d won", won.Load(), names)
	}
	for i := range names {
		if got := read(t, s, fmt.Sprintf("default/race%d.mp3", i)); len(got) != 100_000 || strings.Trim(got, got[:1]) != "" {
			t.Error("an object of two halves")
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "with a blank")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open("file://" + strings.ReplaceAll(root, " ", "%20"))
	if err != nil {
		t.Fatal(err)
	}
	checkStore(t, s)
	left, err := os.ReadDir(filepath.Join(root, incoming))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	// What a process left that died is swept away, not what another writes now.
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "new": time.Hour} {
		file := filepath.Join(root, incoming, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err = Open("file://" + root); err != nil {
		t.Fatal(err)
	}
	if left, _ = os.ReadDir(filepath.Join(root, incoming)); len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("left: %v", left)
	}

	// A disk that is not mounted is no reason to write to another.
	if err = os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	if err = s.Put(t.Context(), "a/b.mp3", strings.NewReader("x"), 1); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("put while it is away: %v", err)
	}
	if _, _, err = s.Get(t.Context(), "a/b.mp3"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get while it is away: %v", err)
	}
	if s.Probe(t.Context()) == nil {
		t.Error("a directory that is away is found in order")
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("it was made")
	}
}

func TestURLsOfStores(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "recordings", "/var/recordings", "file://", "file:///", "file://relative/x", "file:relative", "ftp://host/x",
		"file:///a?region=x", "file://user:hush@localhost/a", "file:///a#b", "://",
	} {
		if s, err := Open(bad); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, %v", bad, s, err)
		}
	}
}

// TestNamesHoldNoNumber: an object's name is made of plain words, whatever
// the platform calls a call.
func TestNamesHoldNoNumber(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 16, 30, 0, 0, time.UTC) // the next day in Beijing
	call := func(id, pool string) calls.Call {
		return calls.Call{ID: id, PoolKey: pool, CallTime: at, PhoneNo: "13912345678", SecretNo: "17012345678", PeerNo: "95588001"}
	}
	for _, test := range []struct {
		call calls.Call
		part string
		want string
	}{
		{call("43612633712c0000", "FC100000000001"), "", "default/FC100000000001/2026/11/29/43612633712c0000"},
		{call("1551752068865123", "FC1"), "0", "default/FC1/2026/11/29/1551752068865123_0"},
		{call("c_13800000001", "FC1"), "", "default/FC1/2026/11/29/" + hashed("c_13800000001")},
		{call("1a18690165447a3a", "FC1"), "", "default/FC1/2026/11/29/1a18690165447a3a"}, // random, of a form of its own
		{call("a95588001b", "FC1"), "", "default/FC1/2026/11/29/" + hashed("a95588001b")},
		{call("../../etc", "../x"), "", "default/" + hashed("../x") + "/2026/11/29/" + hashed("../../etc")},
		{call("通话", ""), "", "default/none/2026/11/29/" + hashed("通话")},
		{call(".c1", "FC1"), "", "default/FC1/2026/11/29/" + hashed(".c1")},
	} {
		if got := nameOf(test.call, test.part); got != test.want {
			t.Errorf("%s: %s, want %s", test.call.ID, got, test.want)
		}
	}
	for link, want := range map[dypls.SignedURL]string{
		"https://b/1_c.mp3?Expires=1": "", "https://b/1_c_0.mp3?x=_7.mp3": "0", "https://b/1_c_12.mp3": "12",
		"https://b/1_c_8613912345678.mp3": "", "https://b/1_c_123.mp3": "", "https://b/1_c_1.wav?": "1",
	} {
		if got := partOf(link); got != want {
			t.Errorf("%s: part %q", string(link), got)
		}
	}
}
