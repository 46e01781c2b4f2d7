package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxPath = 1024 // of an escaped path: an id has at most 128 bytes

// needless escapes stand for letters, digits and -._~, which nobody escapes who means well.
var needless = regexp.MustCompile(`(?i)%(2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])`)

var errPath = errors.New("no such address: a path has one way of being written here")

// plainPaths answers 400 to an address that is not written in the one plain way.
type plainPaths struct{ next http.Handler }

// ServeHTTP implements [http.Handler].
func (p plainPaths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := checkPath(r.URL); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.next.ServeHTTP(w, r)
}

// checkPath refuses every way of writing a path but the plain one: what is refused cannot be
// understood differently further in. A slash within a task's id is the one thing that may be
// escaped.
func checkPath(u *url.URL) error {
	escaped := u.EscapedPath()
	if len(escaped) > maxPath || !strings.HasPrefix(escaped, "/") {
		return errPath
	}
	if escaped == "/" || escaped == ConsoleRoot {
		return nil
	}
	segments := strings.Split(escaped[1:], "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil || !plain(text) || needless.MatchString(segment) {
			return errPath
		}
		if strings.Contains(text, "/") && !isTaskID(segments, i) {
			return errPath
		}
	}
	return nil
}

// plain tells a segment that no layer reads as anything else.
func plain(text string) bool {
	switch {
	case text == "",
		text == ".",
		text == "..",
		!utf8.ValidString(text),
		strings.ContainsAny(text, `\%`):
		return false
	}
	return !strings.ContainsFunc(text, unicode.IsControl)
}

// isTaskID tells the last segment of .../tasks/{id} and of .../scheduled_tasks/{id} and its like.
func isTaskID(segments []string, i int) bool {
	if segments[0] == "api" {
		segments, i = segments[1:], i-1
	}
	return i == 3 && len(segments) == 4 && segments[0] == "queues" &&
		(segments[2] == "tasks" || strings.HasSuffix(segments[2], "_tasks"))
}
