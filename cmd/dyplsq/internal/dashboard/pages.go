package dashboard

import (
	"bytes"
	"crypto/rand"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"
)

// pages are asynqmon's, changed where they would ask another host, need a looser policy, or lose
// their way.
type pages struct {
	mon   http.Handler
	index string // with the mark where the nonce goes
	// readOnly is the same without buttons, for whoever may not operate.
	readOnly string

	mu    sync.Mutex
	files map[string][]byte // asynqmon's own, as served; only those that exist
}

//go:embed fonts
var fonts embed.FS

const (
	nonceMark  = "NONCE"
	buttons    = `FLAG_READ_ONLY="false"`
	noButtons  = `FLAG_READ_ONLY="true"`
	stylesheet = `<link rel="stylesheet" href="/fonts/roboto.css"/>`
	fileMaxAge = "private, max-age=3600"
	// consoleLink leads from each of asynqmon's pages to the console.
	consoleLink = `<a class="console-link" href="` + ConsoleRoot + `">Console · 控制台</a>`
)

var (
	view = regexp.MustCompile(
		`^/(|settings|servers|schedulers|redis|q/metrics|queues/[^/]+|queues/[^/]+/tasks/.+)$`,
	)
	asset = regexp.MustCompile(
		`^/(static/(js|media)/)?[A-Za-z0-9][A-Za-z0-9.-]*\.(js|txt|svg|png|ico|json)$`,
	)
	pageTask = regexp.MustCompile(`^(/queues/[^/]+/tasks/)(.+/.+)$`)

	foreignLink = regexp.MustCompile(`<link [^>]*//fonts\.googleapis\.com/[^>]*>`)
	inline      = regexp.MustCompile(`<script>`)

	// A task's id may have slashes, which its pages put into addresses as they are. The names are
	// those of the minified build.
	idInCall = regexp.MustCompile(`(tasks/"\)\.concat\()(\w+)([,)])`)
	idInLink = regexp.MustCompile(
		`(TASK_DETAILS\.replace\(":qname",\w+\)\.replace\(":taskId",)(\w+)(\))`,
	)
)

// newPages reads asynqmon's index page once.
func newPages(mon http.Handler, console bool) (*pages, error) {
	p := &pages{mon: mon, files: map[string][]byte{}}
	index := string(p.read("/"))
	if !strings.Contains(index, `<meta charset="utf-8"/>`) {
		return nil, errors.New("asynqmon's page is not as expected")
	}
	index = strings.Replace(
		index,
		`<meta charset="utf-8"/>`,
		`<meta charset="utf-8"/><meta property="csp-nonce" content="`+nonceMark+`"/>`+stylesheet,
		1,
	)
	index = strings.Replace(index, `rel="manifest"`, `rel="manifest" crossorigin="use-credentials"`, 1)
	index = foreignLink.ReplaceAllString(index, "") // the icons are drawn by the page itself
	if console {
		index = strings.Replace(index, `<div id="root">`, consoleLink+`<div id="root">`, 1)
	}
	p.index = inline.ReplaceAllString(index, `<script nonce="`+nonceMark+`">`)
	if !strings.Contains(index, buttons) && !strings.Contains(index, noButtons) {
		return nil, errors.New("asynqmon's page does not say whether it has buttons")
	}
	p.readOnly = strings.Replace(p.index, buttons, noButtons, 1)
	return p, nil
}

// ServeHTTP implements [http.Handler].
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	task := pageTask.FindStringSubmatch(name)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "GET alone", http.StatusMethodNotAllowed)
	case strings.HasPrefix(name, "/fonts/"):
		p.font(w, r, strings.TrimPrefix(name, "/"))
	// the page's own route takes one segment
	case task != nil && !strings.Contains(strings.ToUpper(r.URL.EscapedPath()), "%2F"):
		page := task[1] + url.PathEscape(task[2])
		http.Redirect(w, r, page, http.StatusFound) //nolint:gosec // it begins with /queues/
	case view.MatchString(name):
		nonce, index := rand.Text(), p.index
		if !AccessOf(r.Context()).May(RoleOperate) {
			index = p.readOnly
		}
		w.Header().Set("Content-Security-Policy", pagePolicy(nonce))
		write(w, r, "text/html; charset=utf-8", []byte(strings.ReplaceAll(index, nonceMark, nonce)))
	case asset.MatchString(name):
		p.file(w, r, name)
	default:
		http.NotFound(w, r)
	}
}

func (p *pages) font(w http.ResponseWriter, r *http.Request, name string) {
	data, err := fonts.ReadFile(name)
	if err != nil {
		http.Error(w, "no such font", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", fileMaxAge)
	write(w, r, typeOf(name), data)
}

func (p *pages) file(w http.ResponseWriter, r *http.Request, name string) {
	p.mu.Lock()
	data, ok := p.files[name]
	p.mu.Unlock()
	if !ok {
		if data = p.read(name); bytes.HasPrefix(
			data,
			[]byte("<!doctype"),
		) { // its page, which it shows for what it does not know
			http.NotFound(w, r)
			return
		}
		data = idInCall.ReplaceAll(data, []byte(`${1}${2}.replace(/\//g,"%2F")${3}`))
		data = idInLink.ReplaceAll(data, []byte(`${1}${2}.replace(/\//g,"%2F")${3}`))
		p.mu.Lock()
		p.files[name] = data
		p.mu.Unlock()
	}
	w.Header().Set("Cache-Control", fileMaxAge)
	write(w, r, typeOf(name), data)
}

func (p *pages) read(name string) []byte {
	a := newAnswer()
	p.mon.ServeHTTP(a, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: name}})
	return a.body.Bytes()
}

func write(w http.ResponseWriter, r *http.Request, contentType string, data []byte) {
	w.Header().Set("Content-Type", contentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// typeOf names the types we serve: a container need not have a table of them.
func typeOf(name string) string {
	types := map[string]string{
		".css":   "text/css; charset=utf-8",
		".js":    "text/javascript; charset=utf-8",
		".json":  "application/json",
		".txt":   "text/plain; charset=utf-8",
		".svg":   "image/svg+xml",
		".png":   "image/png",
		".ico":   "image/x-icon",
		".woff2": "font/woff2",
	}
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}
