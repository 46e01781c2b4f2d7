package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// masked is asynqmon's API without numbers. Payloads and results are the formatters' business;
// everything else that other people's tasks, or other people's workers, may have put a number into
// is masked here.
type masked struct {
	next    http.Handler
	records records
}

// ServeHTTP implements [http.Handler].
func (m masked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := newAnswer()
	m.next.ServeHTTP(a, r)
	body := a.body.Bytes()
	switch {
	case a.status >= http.StatusMultipleChoices:
		http.Error(w, shownText(strings.TrimSpace(string(body))), a.status)
		return
	case bytes.HasPrefix(body, []byte("<")): // its page, which it shows for what it does not know
		http.NotFound(w, r)
		return
	}
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/api/redis_info" &&
			r.URL.Path != "/api/metrics" { // both are all figures, and no task's
			body = m.mask(r.Context(), body)
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

func (m masked) mask(ctx context.Context, body []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return []byte(`{}`)
	}
	m.records.fill(ctx, value)
	return []byte(jsonText(maskValue(value)))
}

func maskValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		maskObject(v)
	case []any:
		for i := range v {
			v[i] = maskValue(v[i])
		}
	}
	return value
}

func maskObject(o map[string]any) {
	kind, ofTask := o["type"].(string)
	if t, ok := o["task_type"].(string); ok {
		kind = t
	}
	for name, value := range o {
		text, isText := value.(string)
		switch {
		case !isText:
			o[name] = maskValue(value)
		case name == "task_id", name == "id" && ofTask:
			o[name] = shownID(kind, text)
		case name == "error_message", name == "group", name == "type", name == "task_type":
			o[name] = shownText(text)
		}
	}
}

// ownTypes begin the types of our tasks. Our ids are keys that never hold a number of their
// request, and are shown whole.
const ownTypes = "dypls:"

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func shownID(kind, id string) string {
	if strings.HasPrefix(kind, ownTypes) || uuid.MatchString(id) {
		return id
	}
	return shownText(id)
}

// shownText is a text that another program, or a worker's code, wrote.
func shownText(text string) string { return dypls.Scrub(text) }

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *answer) Write(data []byte) (int, error) { return a.body.Write(data) }
