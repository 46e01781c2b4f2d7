package httpapi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestTokenLine(t *testing.T) {
	t.Parallel()
	token, secret := newToken(t, "shop", ScopeEnqueue, ScopeRead)
	if len(secret) != len("dyplsq_")+43 || strings.Contains(token.Line(), secret) {
		t.Errorf("%s %s", secret, token.Line())
	}
	list, err := ParseTokens("# ours\n\n" + token.Line() + "\n  " + token.Line() + "  \n")
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	got, found := list.Find(secret)
	if !found || got.Line() != token.Line() || !cmp.Equal(got.Scopes, token.Scopes) {
		t.Errorf("%v %v", found, got)
	}
	for _, other := range []string{"", "dyplsq_", secret + "x", secret[1:], strings.ToUpper(secret)} {
		if _, found := list.Find(other); found {
			t.Errorf("%q is taken", other)
		}
	}
}

func TestBrokenTokens(t *testing.T) {
	t.Parallel()
	token, _ := newToken(t, "shop", ScopeRead)
	good := token.Line()
	for name, line := range map[string]string{
		"three parts": strings.Join(strings.Fields(good)[:3], " "), "five parts": good + " x", "another hash": strings.Replace(good, "sha256:", "md5:", 1),
		"a short hash": strings.Replace(good, "sha256:", "sha256:ab", 1), "no scope": strings.Replace(good, "read", "write", 1),
		"a name": "a/b" + good[4:], "a number as a name": numberA + good[4:], "no time": strings.Join(strings.Fields(good)[:3], " ") + " now",
	} {
		_, err := ParseTokens(good + "\n" + line)
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") || strings.Contains(err.Error(), "12345678") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, scopes := range map[string][]Scope{"": {ScopeRead}, "a b": {ScopeRead}, numberA: {ScopeRead}, "none": {}} {
		if _, _, err := NewToken(name, scopes, time.Now()); err == nil {
			t.Errorf("%q %v is taken", name, scopes)
		}
	}
}

// TestTokenFileIsReadAgain: a new line lets in and a deleted one locks out, without a restart; a
// broken file changes nothing and is logged once.
func TestTokenFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(lines ...string) {
		t.Helper()
		next := path + ".new"
		if err := os.WriteFile(next, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	first, firstSecret := newToken(t, "shop", ScopeRead)
	second, secondSecret := newToken(t, "shop", ScopeRead)
	write(first.Line())
	var log logtest.Log
	file, err := OpenTokens(path, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Tokens = file })
	status := func(secret string) int { return w.as(secret, http.MethodGet, "/v1/tasks/x", "").Status }
	become := func(what, secret string, want int) {
		t.Helper()
		redistest.Poll(t, within, what, systemtest.Until(func() bool { return status(secret) == want }))
	}
	if got := [2]int{status(firstSecret), status(secondSecret)}; got != [2]int{http.StatusNotFound, http.StatusUnauthorized} {
		t.Error(got)
	}
	write(first.Line(), second.Line())
	become("the second to be let in", secondSecret, http.StatusNotFound)
	write(second.Line(), "broken")
	redistest.Poll(t, within, "the broken file to be logged", systemtest.Until(func() bool {
		return status(firstSecret) == http.StatusNotFound && strings.Contains(log.String(), "tokens file broken; the tokens of before stay")
	}))
	write(second.Line())
	become("the first to be locked out", firstSecret, http.StatusUnauthorized)
	write()
	become("the second to be locked out", secondSecret, http.StatusUnauthorized)
	if n := strings.Count(log.String(), "tokens file broken"); n != 1 {
		t.Errorf("it is logged %d times: %s", n, log.String())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, within, "the missing file to be logged", systemtest.Until(func() bool {
		return status(secondSecret) == http.StatusUnauthorized && strings.Count(log.String(), "tokens file broken") == 2
	}))
}

// TestRevokedWhileWaiting: who is locked out while a request waits is told nothing at its end.
func TestRevokedWhileWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	token, secret := newToken(t, "shop", ScopeRead, ScopeEnqueue)
	if err := os.WriteFile(path, []byte(token.Line()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := OpenTokens(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Tokens = file })
	w.all = secret
	w.enqueued("stays")
	answered := make(chan answer, 1)
	go func() { answered <- w.do(http.MethodGet, "/v1/tasks/stays?wait=60s", "") }()
	redistest.Poll(t, within, "the request to wait", systemtest.Until(func() bool { return w.api.waits.open() == 1 }))
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, within, "the token to be refused", systemtest.Until(func() bool {
		return w.do(http.MethodGet, "/v1/tasks/stays", "").Status == http.StatusUnauthorized
	}))
	w.api.Drain()
	if got := <-answered; got.Status != http.StatusUnauthorized {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
