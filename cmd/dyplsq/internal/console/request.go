package console

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
)

// request is one that the door let in. Its context ends when the page has taken too long.
type request struct {
	*http.Request

	console *Console
	access  dashboard.Access
	lang    language
	session string // which browser asks, by its cookie
	done    string // what it did just before, as answer.done has it
}

const (
	sessionCookie  = "dyplsq_console"
	doneCookie     = "dyplsq_done"
	languageCookie = "dyplsq_language"

	mostBody = 64 << 10
	mostText = 512 // of one field, in bytes
)

var sessionForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func (c *Console) request(r *http.Request, w http.ResponseWriter) *request {
	q := &request{Request: r, console: c, access: dashboard.AccessOf(r.Context()), lang: languageOf(r)}
	if cookie, err := r.Cookie(sessionCookie); err == nil && sessionForm.MatchString(cookie.Value) {
		q.session = cookie.Value
	} else {
		q.session = rand.Text()
		c.setCookie(w, sessionCookie, q.session, 0)
	}
	if cookie, err := r.Cookie(doneCookie); err == nil && strings.HasPrefix(cookie.Value, "done.") {
		q.done = cookie.Value
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostBody)
	return q
}

// setCookie sets a cookie that no other site's request carries, and no script reads.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // a browser may come by plain http to loopback
		Name: name, Value: value, Path: Root, MaxAge: maxAge,
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteStrictMode,
	})
}

// may reports whether whoever asks may do something here.
func (r *request) may(role dashboard.Role) bool {
	return r.access.May(role) && (role != dashboard.RoleOperate || r.console.AllowActions)
}

// by is who asks, as the audit names them.
func (r *request) by() string { return cmp.Or(r.access.User, "nobody") }

// field is what a form or an address says under a name, "" for nothing.
func (r *request) field(name string) string { return strings.TrimSpace(r.Form.Get(name)) }

// read parses the address and the form, whose fields are short texts.
func (r *request) read() error {
	if err := r.ParseForm(); err != nil {
		return badField("form", err)
	}
	for name, values := range r.Form {
		for _, value := range values {
			if len(value) > mostText && name != longField || !utf8.ValidString(value) ||
				strings.ContainsRune(value, 0) {
				return badField(name, errors.New("too long, or no text"))
			}
		}
	}
	return nil
}

// longField may be longer than others: a result as JSON.
const longField = "result"

// size reads how many rows a page is to have: 50 unless told, 100 at most.
func (r *request) size() (int, error) {
	const usual, most = 50, 100
	text := r.field("size")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badField("size", errors.New("a number from 1 to 100"))
	}
	return n, nil
}

// here is the address that was asked for, within the console.
func (r *request) here() string {
	u := url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	return u.String()
}

// link is the address of a page with fields; empty ones are left out.
func link(path string, fields ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != "" {
			query.Set(fields[i], fields[i+1])
		}
	}
	if len(query) == 0 {
		return Root + path
	}
	return Root + path + "?" + query.Encode()
}
