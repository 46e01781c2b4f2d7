package dashboard

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"/", "/queues/bind", "/queues/bind/tasks/a%2Fb.1", "/queues/bind/tasks/a%2f%2fb", "/queues/bind/tasks/a/b.1", "/api/queues/bind/tasks/a%2F..%2Fb.1",
		"/api/queues/bind.2/archived_tasks/a:b@c%2Fd.1:run", "/api/queues/bind:pause", "/api/queues/bind/tasks/a%3Ab%40c", "/static/js/main.5adda2da.chunk.js",
	} {
		if err := checkPath(parse(t, good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "x", "//", "/api/", "/..", "/.", "/a/../b", "/a//b", "/%2e%2e/b", "/%2E/b", "/a%2Fb", "/api%2Fqueues", "/a%5cb", `/a\b`, "/a%00", "/a%0d%0ab", "/a%7f",
		"/%61pi/queues", "/queue%73/bind", "/a%25b", "/a%ff", "/queues/bi%2Fnd/tasks/x", "/queues/bind/tasks/a%2Fb/c", "/queues/bind/other/a%2Fb",
		"/api/queues/bind/groups/a%2Fb/aggregating_tasks", "/api/queues/bind/tasks/a/../b", "/queues/bind/" + strings.Repeat("x", maxPath),
	} {
		if err := checkPath(parse(t, bad)); err == nil {
			t.Errorf("%s is let through", bad)
		}
	}
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(text)
	if err != nil {
		return &url.URL{Path: text}
	}
	return u
}

// FuzzPath: what is let through means the same however it is cleaned, but for the slashes of an id.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "/queues/bind/tasks/a%2F..%2Fb.1", "/a/../b", "/%2e%2e/b", "//a", "/a%2fb", "/a;b", "/a?b", "/a%253f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.ParseRequestURI(text)
		if err != nil || checkPath(u) != nil {
			return
		}
		escaped := u.EscapedPath()
		if path.Clean(escaped) != escaped {
			t.Errorf("%q becomes %q", escaped, path.Clean(escaped))
		}
		if !strings.Contains(escaped, "/tasks/") && !strings.Contains(escaped, "_tasks/") && path.Clean(u.Path) != u.Path {
			t.Errorf("%q becomes %q", u.Path, path.Clean(u.Path))
		}
		if again, err := url.PathUnescape(u.Path); err == nil && again != u.Path {
			t.Errorf("%q can be unescaped twice", text)
		}
	})
}
