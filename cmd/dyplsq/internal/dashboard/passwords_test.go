package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func passwords(t *testing.T, users map[string]string) *Passwords {
	t.Helper()
	var file strings.Builder
	for user, password := range users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&file, "%s:%s\r\n", user, strings.Replace(string(hash), "$2a$", "$2y$", 1))
	}
	name := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ReadPasswords(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var anywhere = netip.MustParseAddr("192.0.2.1")

func TestCheck(t *testing.T) {
	t.Parallel()
	p := passwords(t, map[string]string{"ann": "one", "bob": "two"})
	for range 3 { // the second time from memory
		for _, test := range []struct {
			user, password string
			right          bool
		}{
			{"ann", "one", true}, {"bob", "two", true}, {"ann", "two", false}, {"ann", "", false}, {"ann", "one\x00", false},
			{"eve", "one", false}, {"eve", "two", false}, {"", "", false}, {"ann\x00one", "", false},
		} {
			if right, err := p.check(t.Context(), anywhere, test.user, test.password); err != nil || right != test.right {
				t.Errorf("%q, %q: %v, %v", test.user, test.password, right, err)
			}
		}
	}
	if len(p.known) != 2 {
		t.Errorf("%d passwords are remembered, want those of 2 users", len(p.known))
	}
}

// TestAFileForOthersIsExposed: its owner and group may read it, nobody else.
func TestAFileForOthersIsExposed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "htpasswd")
	hash, err := bcrypt.GenerateFromPassword([]byte("one"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append([]byte("ann:"), hash...), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: false, 0o644: true, 0o602: true} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if p, err := ReadPasswords(name); err != nil || p.Exposed != exposed {
			t.Errorf("mode %o: exposed %t, %v", mode, p.Exposed, err)
		}
	}
}

// TestStrangersTakeAsLong: a user that does not exist is compared as well, with the hash of
// another, and does not come in by it.
func TestStrangersTakeAsLong(t *testing.T) {
	t.Parallel()
	const cost, atLeast = 10, 5 * time.Millisecond // where no hash is made, it is a few microseconds
	hash, err := bcrypt.GenerateFromPassword([]byte("one"), cost)
	if err != nil {
		t.Fatal(err)
	}
	p := passwords(t, map[string]string{"ann": "one"})
	p.users["ann"], p.hashes[0] = hash, hash
	for _, user := range []string{"eve", ""} {
		from := time.Now()
		if right, err := p.check(t.Context(), anywhere, user, "one"); right || err != nil {
			t.Errorf("%q comes in with another's password: %v", user, err)
		}
		if took := time.Since(from); took < atLeast {
			t.Errorf("%q was refused after %s", user, took)
		}
	}
}

// TestGuessingKeepsNobodyOut: all guesses together are bounded, and somebody who comes from the
// same address, as everybody does behind a proxy, gets a turn while others guess at names that do
// not exist, at other people's names, and at his own.
func TestGuessingKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var compared, refused atomic.Int64
		var guessing sync.WaitGroup
		from := time.Now()
		for guesser := range 200 {
			user := "" // most guess at names that do not exist
			switch {
			case guesser < 12:
				user = "ann"
			case guesser < 24:
				user = "bob"
			}
			guessing.Go(func() {
				for time.Since(from) < 20*time.Second {
					leave, err := g.enter(t.Context(), anywhere, user)
					if err != nil {
						refused.Add(1)
						time.Sleep(10 * time.Millisecond) // of the bubble's own clock
						continue
					}
					compared.Add(1)
					leave(false)
				}
			})
		}
		time.Sleep(5 * time.Second)
		for _, user := range []string{"ann", "bob", "carol"} {
			leave, err := g.enter(t.Context(), anywhere, user)
			if err != nil {
				t.Errorf("%s is kept out: %v", user, err)
				continue
			}
			leave(true)
		}
		asked := time.Now()
		leave, err := g.enter(t.Context(), netip.MustParseAddr("192.0.2.2"), "")
		if err != nil || time.Since(asked) > time.Second {
			t.Errorf("somebody at another address: %v after %s", err, time.Since(asked))
		}
		leave(true)
		guessing.Wait()
		// 16 a second, and those that still waited in the three lines at the end.
		if n := compared.Load(); n > 390 || n < 200 || refused.Load() == 0 {
			t.Errorf("%d guesses were compared in 20 s, %d were not", n, refused.Load())
		}
		time.Sleep(time.Second)
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.lines) != 0 || len(g.places) != 0 {
			t.Errorf("after all have gone: %v, %d places", g.lines, len(g.places))
		}
	})
}

func TestGateGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	g := newGate()
	for i := range atOnce {
		if _, err := g.enter(t.Context(), anywhere, strconv.Itoa(i/lineAtOnce)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, user := range []string{"0", "ann"} { // at its line's place, and at the gate's
		if _, err := g.enter(ctx, netip.MustParseAddr("192.0.2.2"), user); !errors.Is(err, errBusy) {
			t.Error(err)
		}
	}
	if len(g.lines) != atOnce/lineAtOnce {
		t.Errorf("who gave up is still counted: %v", g.lines)
	}
}

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::1": "::/64"} {
		if got := networkOf(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
