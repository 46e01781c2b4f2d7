package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
)

// The pages: layout.html is around each, parts.html holds what several share.
//
//go:embed templates
var templateFiles embed.FS

// shelf holds the pages in each language, and their texts.
type shelf struct {
	pages map[language]map[string]*template.Template
	texts map[language]texts
}

const (
	layoutFile = "templates/layout.html"
	partsFile  = "templates/parts.html"
)

func newShelf(now func() time.Time) (s shelf, err error) {
	s = shelf{pages: map[language]map[string]*template.Template{}, texts: map[language]texts{}}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return s, err
	}
	for _, l := range languages {
		if s.texts[l], err = readTexts(l); err != nil {
			return s, err
		}
		s.pages[l] = map[string]*template.Template{}
		for _, file := range files {
			if file == layoutFile || file == partsFile {
				continue
			}
			page := template.New(path.Base(layoutFile)).Funcs(functions(s.texts[l], l, now)).
				Option("missingkey=error")
			if _, err = page.ParseFS(templateFiles, layoutFile, partsFile, file); err != nil {
				return s, err
			}
			s.pages[l][strings.TrimSuffix(path.Base(file), ".html")] = page
		}
	}
	return s, nil
}

// view is what the layout shows. A page's own is Main.
type view struct {
	Page string // its name
	Lang language
	Nav  []link3
	User string
	Live int // seconds; 0 for a page that does not change by itself
	Done string
	// Other leads to the same page in the other language.
	Other string
	Main  any

	request *request
}

// link3 is an entry of the navigation.
type link3 struct {
	Name, Path string
	Here       bool
}

// May reports whether whoever looks may do something here.
func (v view) May(role string) bool { return v.request.may(dashboard.Role(role)) }

// Token is what a form carries, see [tokens]. Each form has one of its own.
func (v view) Token() (string, error) {
	return v.request.console.tokens.issue(v.request.Context(), v.request)
}

// draw writes a page. It is drawn whole before its first byte is sent: what fails halfway is an
// error, and who reads slowly holds no place.
func (c *Console) draw(w http.ResponseWriter, r *request, status int, a answer) {
	page, known := c.shelf.pages[r.lang][a.page]
	if !known {
		c.Note(r.URL.Path, fmt.Errorf("there is no page %s", a.page))
		http.Error(w, "no such page", http.StatusInternalServerError)
		return
	}
	if !c.shelf.texts[r.lang].has(r.done) {
		r.done = "" // somebody made the cookie up
	}
	v := view{
		Page: a.page, Lang: r.lang, User: r.access.User, Live: int(a.live.Seconds()),
		Done: r.done, Main: a.data, request: r,
	}
	other := english
	if r.lang == english {
		other = chinese
	}
	v.Other = Root + "language?" + url.Values{"to": {string(other)}, "back": {r.here()}}.Encode()
	for _, n := range navigation {
		v.Nav = append(v.Nav, link3{n.name, n.path, n.path == r.URL.Path})
	}
	var drawn bytes.Buffer
	if err := page.Execute(&drawn, v); err != nil {
		if a.page != "problem" {
			c.fail(w, r, err)
			return
		}
		c.Note(r.URL.Path, err)
		http.Error(w, "this page cannot be drawn", http.StatusInternalServerError)
		return
	}
	if r.done != "" {
		c.setCookie(w, doneCookie, "", -1)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(drawn.Bytes())
}

// redirect goes on to a page, which says what was done.
func (c *Console) redirect(w http.ResponseWriter, r *request, a answer) {
	const minute = 60
	if a.done != "" {
		c.setCookie(w, doneCookie, a.done, minute)
	}
	http.Redirect(w, r.Request, within(a.to), http.StatusSeeOther)
}
