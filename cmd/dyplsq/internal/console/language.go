package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// language is one that the pages are written in.
type language string

const (
	english language = "en"
	chinese language = "zh"
)

var languages = []language{english, chinese}

// languageOf is the language that was chosen by the link, or that the browser asks for.
func languageOf(r *http.Request) language {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		for _, l := range languages {
			if cookie.Value == string(l) {
				return l
			}
		}
	}
	best, weight := english, 0.0
	for entry := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, parameter, weighed := strings.Cut(strings.TrimSpace(entry), ";")
		q := 1.0
		if weighed {
			q, _ = strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "q="), 64)
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		for _, l := range languages {
			if primary == string(l) && q > weight {
				best, weight = l, q
			}
		}
	}
	return best
}

// setLanguage keeps the choice in a cookie, and goes back to where the link was.
func (c *Console) setLanguage(w http.ResponseWriter, r *http.Request) {
	const year = 365 * 24 * 60 * 60
	for _, l := range languages {
		if r.URL.Query().Get("to") == string(l) {
			c.setCookie(w, languageCookie, string(l), year)
		}
	}
	back := within(r.URL.Query().Get("back"))
	http.Redirect(w, r, back, http.StatusSeeOther) //nolint:gosec // it begins with Root
}

// within is an address of the console: the one given, or its first page in place of any other.
func within(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, Root) ||
		strings.ContainsAny(u.Path, `\`) || strings.Contains(u.Path, "//") ||
		strings.Contains(u.Path, "..") {
		return Root
	}
	back := url.URL{Path: u.Path, RawQuery: u.RawQuery}
	return back.String()
}
