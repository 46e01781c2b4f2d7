package httpapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
)

// hostile is a request that must be refused, and how.
type hostile struct {
	text   string
	status int    // 0: the connection is closed without an answer
	kind   string // of the problem; "" where net/http answers itself
}

// TestHostileRequests: each is refused as docs/http-api.md says, without a number or a token in the
// answer or the log, and none leaves anything behind.
//
//nolint:gocognit,tparallel // one story, told in order: what is left behind is looked at after all
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.harsh()
	all := map[string]hostile{}
	for _, table := range []map[string]hostile{w.hostilePaths(), w.hostileTokens(), w.hostileBodies(), w.hostileHeaders()} {
		for name, one := range table {
			if _, twice := all[name]; twice {
				t.Errorf("%s is there twice", name)
			}
			all[name] = one
		}
	}
	const least = 60
	if len(all) < least {
		t.Errorf("only %d requests", len(all))
	}
	t.Run("refused", func(t *testing.T) {
		for name, one := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := w.raw(t, address, one.text)
				if got.Status != one.status {
					t.Fatalf("%d, want %d: %s", got.Status, one.status, got.Body)
				}
				if one.kind != "" && one.kind != "head" && got.kindOf(t) != one.kind {
					t.Errorf("%s, want %s", got.kindOf(t), one.kind)
				}
				for name, values := range got.Header {
					got.Body += name + strings.Join(values, " ")
				}
				if strings.Contains(got.Body, "12345678") || strings.Contains(got.Body, w.all) {
					t.Errorf("it repeats a number or a token: %s", got.Body)
				}
			})
		}
	})
	if got := w.raw(t, address, w.text("GET /healthz", "")); got.Status != http.StatusOK {
		t.Errorf("it does not answer any more: %d %s", got.Status, got.Body)
	}
	keys, err := w.redis.Client(t).Keys(t.Context(), "dypls:{*").Result()
	for _, key := range keys {
		if !strings.HasPrefix(key, "dypls:{0") { // shards of the index
			t.Errorf("something is recorded: %v %v", key, err)
		}
	}
	if log := w.log.String(); strings.Contains(log, "12345678") || strings.Contains(log, w.all) || strings.Contains(log, "panicked") {
		t.Errorf("the log shows a number, a token or a panic: %s", log)
	}
}

func (w *world) hostilePaths() map[string]hostile {
	get := func(target string) string { return w.text("GET "+target, "") }
	return map[string]hostile{
		"the root":                  {get("/"), 404, "not-found"},
		"a prefix":                  {get("/v1"), 404, "not-found"},
		"a prefix with a slash":     {get("/v1/"), 404, "not-found"},
		"two slashes":               {get("//v1/tasks/x"), 404, "not-found"},
		"dots":                      {get("/v1/../v1/tasks/x"), 404, "not-found"},
		"dots out of an id":         {get("/v1/tasks/../../healthz"), 404, "not-found"},
		"one dot":                   {get("/v1/./tasks/x"), 404, "not-found"},
		"a slash in an id":          {get("/v1/tasks/a/b"), 404, "not-found"},
		"no id":                     {get("/v1/tasks/"), 404, "not-found"},
		"a slash at the end":        {get("/v1/tasks/x/"), 404, "not-found"},
		"encoded dots":              {get("/v1/tasks/%2e%2e"), 404, "unknown-task"},
		"encoded dots and a slash":  {get("/v1/tasks/%2e%2e%2fhealthz"), 404, "unknown-task"},
		"an id of a number":         {get("/v1/tasks/" + numberA), 404, "unknown-task"},
		"a call of a number":        {get("/v1/calls/" + numberA), 404, "unknown-call"},
		"NUL":                       {get("/v1/tasks/%00"), 422, "invalid"},
		"no UTF-8 in an id":         {get("/v1/tasks/%ff%fe"), 422, "invalid"},
		"a blank in an id":          {get("/v1/tasks/a%20b"), 422, "invalid"},
		"a line break in an id":     {get("/v1/tasks/a%0d%0ab"), 422, "invalid"},
		"an id too long":            {get("/v1/tasks/" + strings.Repeat("x", 129)), 422, "invalid"},
		"an id much too long":       {get("/v1/tasks/" + strings.Repeat("x", 8000)), 422, "invalid"},
		"a path longer than all":    {get("/v1/tasks/" + strings.Repeat("x", 40_000)), 431, ""},
		"a broken escape":           {get("/v1/tasks/%zz"), 400, ""},
		"an absolute URI":           {get("http://evil.example/v1/tasks/x"), 421, "misdirected"},
		"another host":              {w.text("GET /healthz", "", "Host", "evil.example"), 421, "misdirected"},
		"no host":                   {w.text("GET /healthz", "", "Host", ""), 400, ""},
		"two hosts":                 {w.text("GET /healthz", "", "Host", "127.0.0.1", "Host", "evil.example"), 400, ""},
		"HTTP/1.0 without a host":   {w.text("GET /healthz HTTP/1.0", "", "Host", ""), 421, "misdirected"},
		"HTTP/1.0 without a token":  {w.text("GET /v1/tasks/x HTTP/1.0", "", "Authorization", ""), 401, "unauthorized"},
		"HTTP/3.0":                  {w.text("GET /healthz HTTP/3.0", ""), 505, ""},
		"no HTTP":                   {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""},
		"a wait too long":           {get("/v1/tasks/x?wait=1h"), 422, "invalid"},
		"a wait below nothing":      {get("/v1/tasks/x?wait=-1s"), 422, "invalid"},
		"a wait of a number":        {get("/v1/tasks/x?wait=" + numberA), 422, "invalid"},
		"two waits":                 {get("/v1/tasks/x?wait=1s&wait=2s"), 422, "invalid"},
		"an unknown parameter":      {get("/v1/tasks/x?" + numberA + "=1"), 422, "invalid"},
		"a query that is none":      {get("/v1/tasks/x?wait=%zz"), 422, "invalid"},
		"semicolons":                {get("/v1/tasks/x?wait=1s;b=2"), 422, "invalid"},
		"a thousand parameters":     {get("/v1/calls?" + strings.Repeat("a&b=1&", 1000)), 422, "invalid"},
		"ten thousand parameters":   {get("/v1/calls?" + strings.Repeat("a=1&", 10_000)), 431, ""},
		"a cursor that is none":     {get("/v1/calls?cursor=" + numberA), 422, "invalid"},
		"too many at once":          {get("/v1/calls?limit=100000000000000000000"), 422, "invalid"},
		"a state that is none":      {get("/v1/calls?recording=" + numberA), 422, "invalid"},
		"a time that is none":       {get("/v1/calls?since=" + numberA), 422, "invalid"},
		"PUT":                       {w.text("PUT /v1/tasks", "{}"), 405, "method-not-allowed"},
		"PATCH":                     {w.text("PATCH /v1/tasks/x", "{}"), 405, "method-not-allowed"},
		"POST to a task":            {w.text("POST /v1/tasks/x", "{}"), 405, "method-not-allowed"},
		"POST as if it were DELETE": {w.text("POST /v1/tasks/x", "{}", "X-HTTP-Method-Override", "DELETE"), 405, "method-not-allowed"},
		"TRACE":                     {w.text("TRACE /healthz", ""), 405, "method-not-allowed"},
		"CONNECT":                   {w.text("CONNECT 127.0.0.1:80", ""), 404, "not-found"},
		"OPTIONS of all":            {w.text("OPTIONS *", ""), 404, "not-found"},
		"DELETE of health":          {w.text("DELETE /healthz", ""), 405, "method-not-allowed"},
		"a method in small letters": {w.text("get /healthz", ""), 405, "method-not-allowed"},
		"a method of its own":       {w.text("ENQUEUE /v1/tasks", "{}"), 405, "method-not-allowed"},
		"a method that is none":     {w.text("G(T /healthz", ""), 400, ""},
		"HEAD of what is posted":    {w.text("HEAD /v1/tasks:batch", ""), 405, "head"},
	}
}

func (w *world) hostileTokens() map[string]hostile {
	as := func(headers ...string) hostile {
		return hostile{w.text("GET /v1/tasks/x", "", headers...), 401, "unauthorized"}
	}
	return map[string]hostile{
		"no token":               as("Authorization", ""),
		"an empty token":         as("Authorization", "Bearer "),
		"no scheme":              as("Authorization", w.all),
		"another scheme":         as("Authorization", "Basic "+w.all),
		"another token":          as("Authorization", "Bearer dyplsq_"+strings.Repeat("A", 43)),
		"a part of the token":    as("Authorization", "Bearer "+w.all[:len(w.all)-1]),
		"a token and more":       as("Authorization", "Bearer "+w.all+" x"),
		"a token's hash":         as("Authorization", "Bearer sha256:"+strings.Repeat("0", 64)),
		"two tokens":             as("Authorization", "Bearer x", "Authorization", "Bearer "+w.all),
		"a list of tokens":       as("Authorization", "Bearer "+w.all+", Bearer "+w.all),
		"a long token":           as("Authorization", "Bearer "+strings.Repeat("x", 10_000)),
		"a token for the proxy":  as("Authorization", "", "Proxy-Authorization", "Bearer "+w.all),
		"a token as a cookie":    as("Authorization", "", "Cookie", "token="+w.all),
		"a token in the query":   {w.text("GET /v1/tasks/x?access_token="+w.all, "", "Authorization", ""), 401, "unauthorized"},
		"NUL in a token":         {w.text("GET /v1/tasks/x", "", "Authorization", "Bearer "+w.all+"\x00"), 400, ""},
		"no token and bad JSON":  {w.text("POST /v1/tasks", "{", "Authorization", ""), 401, "unauthorized"},
		"no token and all of it": {w.text("POST /v1/tasks?x=1", "", "Authorization", "", "Content-Length", "99999999999"), 401, "unauthorized"},
	}
}

func (w *world) hostileBodies() map[string]hostile {
	post := func(body string, headers ...string) hostile {
		return hostile{w.text("POST /v1/tasks", body, headers...), 422, "invalid"}
	}
	in := func(request string) hostile { return post(`{"action":"BindAxn","request":` + request + `}`) }
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write(bytes.Repeat([]byte{' '}, 64<<20))
	_ = packer.Close()
	return map[string]hostile{
		"an empty body":               {w.text("POST /v1/tasks", "", "Content-Type", "application/json", "Content-Length", "0"), 422, "invalid"},
		"blanks":                      post("  \r\n\t "),
		"null":                        post("null"),
		"an array":                    post("[]"),
		"a string":                    post(`"` + numberA + `"`),
		"a number":                    post(numberA),
		"no JSON":                     post("action=BindAxn&PhoneNoA=" + numberA),
		"XML":                         post(`<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`),
		"an end too early":            post(`{"action":"BindAxn"`),
		"two objects":                 post(bind("a", "") + bind("b", "")),
		"something behind it":         post(bind("a", "") + "x"),
		"a comma too many":            post(strings.Replace(bind("a", ""), `"}`, `",}`, 1)),
		"NaN":                         in(`{"CallTimeout":NaN}`),
		"no UTF-8":                    post("{\"id\":\"\xff\xfe\"}"),
		"UTF-16":                      post("\xff\xfe{\x00}\x00"),
		"NUL bytes":                   post("{\"id\":\"\x00\"}"),
		"half a surrogate":            post(`{"action":"BindAxn","id":"\ud800","request":{}}`),
		"a gzip bomb without a label": post(packed.String()),
		"a gzip bomb":                 {w.text("POST /v1/tasks", packed.String(), "Content-Encoding", "gzip"), 415, "unsupported-media-type"},
		"two encodings":               {w.text("POST /v1/tasks", "{}", "Content-Encoding", "identity", "Content-Encoding", "gzip"), 415, "unsupported-media-type"},
		"br":                          {w.text("POST /v1/tasks", "{}", "Content-Encoding", "br"), 415, "unsupported-media-type"},
		"deep arrays":                 post(strings.Repeat("[", 400_000)),
		"deep objects":                in(strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)),
		"deep within a parameter":     in(`{"RingConfig":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`),
		"a huge exponent":             in(`{"CallTimeout":1e999999999}`),
		"a number of 100,000 digits":  in(`{"CallTimeout":` + strings.Repeat("9", 100_000) + `}`),
		"a fraction":                  in(`{"CallTimeout":7.5}`),
		"a name twice":                post(`{"action":"BindAxn","action":"BindAxb","request":{}}`),
		"a parameter twice":           in(`{"PhoneNoA":"` + numberA + `","PhoneNoA":"` + numberB + `"}`),
		"a name in another case":      post(`{"Action":"BindAxn","request":{}}`),
		"an unknown name":             post(`{"action":"BindAxn","request":{},"` + numberA + `":1}`),
		"an unknown parameter's name": in(`{"` + numberA + `":1}`),
		"__proto__":                   post(`{"__proto__":{"x":1},"action":"BindAxn","request":{}}`),
		"the key in the request":      in(`{"TaskID":"x"}`),
		"the account in the request":  in(`{"Account":"x"}`),
		"a request as text":           in(`"{}"`),
		"no action of the queue":      post(`{"action":"QuerySubsId","request":{}}`),
		"an action of numbers":        post(`{"action":"` + numberA + `","request":{}}`),
		"a callback of its own":       post(bind("a", `,"callback":"https://evil.example/"`)),
		"a key of a number":           post(bind("order-"+numberA, "")),
		"an endless delay":            post(bind("a", `,"in":"99999999h"`)),
		"a delay as a number":         post(bind("a", `,"in":5`)),
		"a time before time":          post(bind("a", `,"process_at":"0000-01-01T00:00:00Z"`)),
		"a time after time":           post(bind("a", `,"process_at":"9999-12-31T23:59:59Z"`)),
		"no media type":               {w.text("POST /v1/tasks", "{}", "Content-Type", ""), 415, "unsupported-media-type"},
		"text":                        {w.text("POST /v1/tasks", "{}", "Content-Type", "text/plain"), 415, "unsupported-media-type"},
		"a form":                      {w.text("POST /v1/tasks", "{}", "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported-media-type"},
		"multipart":                   {w.text("POST /v1/tasks", "{}", "Content-Type", "multipart/form-data; boundary=x"), 415, "unsupported-media-type"},
		"GBK":                         {w.text("POST /v1/tasks", "{}", "Content-Type", "application/json; charset=gbk"), 415, "unsupported-media-type"},
		"two media types":             {w.text("POST /v1/tasks", "{}", "Content-Type", "application/json", "Content-Type", "text/plain"), 415, "unsupported-media-type"},
		"a broken media type":         {w.text("POST /v1/tasks", "{}", "Content-Type", "application/json; ;=,"), 415, "unsupported-media-type"},
		"a body too long":             {w.text("POST /v1/tasks", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`), 413, "too-large"},
		"a body said to be too long":  {w.text("POST /v1/tasks", "{", "Content-Length", "99999999999"), 413, "too-large"},
		"chunks that are too long": {
			w.text("POST /v1/tasks", "200000\r\n"+strings.Repeat("x", 2<<20)+"\r\n0\r\n\r\n", "Transfer-Encoding", "chunked"), 413, "too-large",
		},
		"broken chunks":     {w.text("POST /v1/tasks", "zz\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding", "chunked"), 400, "bad-request"},
		"a slow body":       {w.text("POST /v1/tasks", "{", "Content-Length", "100", "Connection", "keep-alive"), 408, "request-timeout"},
		"slow chunks":       {w.text("POST /v1/tasks", "5\r\n{", "Transfer-Encoding", "chunked"), 408, "request-timeout"},
		"another encoding":  {w.text("POST /v1/tasks", "{}", "Transfer-Encoding", "gzip, chunked"), 501, ""},
		"a negative length": {w.text("POST /v1/tasks", "{}", "Content-Length", "-1"), 400, ""},
		"two lengths":       {w.text("POST /v1/tasks", "{}", "Content-Length", "2", "Content-Length", "3"), 400, ""},
	}
}

func (w *world) hostileHeaders() map[string]hostile {
	keyed := func(values ...string) hostile {
		var headers []string
		for _, value := range values {
			headers = append(headers, headerKey, value)
		}
		return hostile{w.text("POST /v1/tasks", strings.Replace(bind("-", ""), `"id":"-",`, "", 1), headers...), 422, "invalid"}
	}
	return map[string]hostile{
		"a list of keys":       keyed("a, b"),
		"two keys":             keyed("a", "a"),
		"a key with a blank":   keyed("a b"),
		"a key too long":       keyed(strings.Repeat("x", 129)),
		"a key of a phone":     keyed("order-" + numberA),
		"a key in Chinese":     keyed("订单"),
		"half a quote":         keyed(`"a`),
		"large headers":        {w.text("GET /healthz", "", "X-Large", strings.Repeat("x", 40_000)), 431, ""},
		"many headers":         {w.text("GET /healthz", "", slicesOf(3000)...), 431, ""},
		"a header's blank":     {w.text("GET /healthz", "", "X-Name ", "x"), 400, ""},
		"a folded header":      {w.text("GET /healthz", "", "X-Name", "x\r\n y\r\n\tz: 1\r\nBad Header: 1"), 400, ""},
		"another expectation":  {w.text("POST /v1/tasks", "{}", "Expect", "200-maybe"), 417, ""},
		"slow headers":         {"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", 0, ""},
		"nothing for a moment": {"", 0, ""},
	}
}

// slicesOf are so many headers.
func slicesOf(n int) (headers []string) {
	for range n {
		headers = append(headers, "X-Many", "xxxxxx")
	}
	return headers
}
