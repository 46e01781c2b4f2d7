package aliyun

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// connectProxy is an HTTP proxy that passes on what is asked for by CONNECT.
type connectProxy struct {
	user, password string
	pass           func(client, server net.Conn) // what is sent, after the answer

	mu    sync.Mutex
	heard []string // everything that it can read
}

func (p *connectProxy) handle(c net.Conn) {
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	var text strings.Builder
	_ = request.Write(&text)
	p.mu.Lock()
	p.heard = append(p.heard, request.Method+" "+request.RequestURI+"\n"+text.String())
	p.mu.Unlock()
	// As net/http reads the credentials of a request, only under another name.
	asked := &http.Request{Header: http.Header{"Authorization": request.Header["Proxy-Authorization"]}}
	if user, password, _ := asked.BasicAuth(); user != p.user || password != p.password {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	server, err := net.Dial("tcp", request.Host)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer func() { _ = server.Close() }()
	_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.pass(c, server)
}

func passAll(client, server net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = client.Close(), server.Close()
		})
	}
	both.Wait()
}

// through makes a client of a secured server reach it by way of a proxy.
func through(server *httptest.Server, proxy string) func(*Config) {
	return func(c *Config) {
		trusting(server)(c)
		c.Proxy = proxy
	}
}

// A proxy is told where to, and who asks, once for a connection. What it passes on it cannot read,
// and the API never sees what the proxy was told.
func TestProxy_passesOn(t *testing.T) {
	t.Parallel()
	heard := passedOn(t)
	for tries := 1; len(heard) != 1 && tries < 3; tries++ { // net/http uses no connection again on a machine too busy
		heard = passedOn(t)
	}
	if len(heard) != 1 {
		t.Errorf("the proxy heard %q, want one CONNECT", heard)
	}
}

// passedOn makes three calls, and returns what the proxy heard.
func passedOn(t *testing.T) []string {
	t.Helper()
	var header http.Header
	server, seen := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		answerOK(w, r)
	})
	proxy := &connectProxy{user: "me", password: "p@ss:" + markedSecret, pass: passAll}
	address := strings.TrimPrefix(listen(t, proxy.handle), "http://")
	client := newClient(t, server.URL, through(server, "http://me:p%40ss:"+markedSecret+"@"+address))
	for range 3 {
		if _, err := callPatiently(t, client, bind()); err != nil {
			t.Fatal(err)
		}
	}
	if requests, _ := seen.count(); requests != 3 {
		t.Errorf("%d requests arrived", requests)
	}
	for name := range header {
		if strings.HasPrefix(name, "Proxy-") {
			t.Errorf("the API was sent %s", name)
		}
	}
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	want := "CONNECT " + strings.TrimPrefix(server.URL, "https://") + "\n"
	for _, heard := range proxy.heard {
		if !strings.HasPrefix(heard, want) || strings.Contains(heard, testNumber) || strings.Contains(heard, "Acs") {
			t.Errorf("the proxy heard %q, want %q and nothing of the call", heard, want)
		}
	}
	_ = client.Close()
	return proxy.heard
}

// However a proxy fails before the request is on its way, nothing has been sent, and its password
// is not told.
func TestProxy_notSent(t *testing.T) {
	t.Parallel()
	server, seen := serve(t, true, answerOK)
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, text)
		}
	}
	for name, test := range map[string]struct {
		handle func(net.Conn)
		says   string
	}{
		"wants to know who asks": {(&connectProxy{user: "me", pass: passAll}).handle, "HTTP 407: it wants a user"},
		"refuses":                {say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), "HTTP 403 to CONNECT"},
		"dies":                   {say(""), "no answer to CONNECT"},
		"dies at once":           {func(net.Conn) {}, "the proxy "},
		"dies within its answer": {say("HTTP/1.1 200 Conn"), "no answer to CONNECT"},
		"dies after it":          {say("HTTP/1.1 200 OK\r\n\r\n"), ""},
		"answers garbage":        {say("garbage " + testNumber + "\r\n\r\n"), "no answer to CONNECT"},
		"answers for the API":    {say("HTTP/1.1 200 OK\r\n\r\n" + raw("200 OK", okBody)), "more than its answer"},
		"answers without end":    {say("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 1<<20)), "the proxy "},
		"speaks TLS of its own":  {say("HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01"), "more than its answer"},
		"hangs":                  {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "no byte could leave within 2s"},
		"hangs after its answer": {func(c net.Conn) { say("HTTP/1.1 200 OK\r\n\r\n")(c); _, _ = io.Copy(io.Discard, c) }, "no byte could leave within 2s"},
		"is another, of the host": {(&connectProxy{user: "me", password: markedSecret, pass: func(client, _ net.Conn) {
			_, _ = io.WriteString(client, raw("200 OK", okBody))
		}}).handle, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := strings.TrimPrefix(listen(t, test.handle), "http://")
			client := newClient(t, server.URL, through(server, "http://me:"+markedSecret+"@"+address))
			_, err := client.Call(t.Context(), bind())
			if !strings.Contains(test.says, "no byte could leave") && leftTooLate(err) {
				_, err = callPatiently(t, client, bind())
			}
			wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, nil)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
			checkShown(t, "the error", err)
		})
	}
	_, err := newClient(t, server.URL, through(server, refusing)).Call(t.Context(), bind())
	wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, nil)
	t.Cleanup(func() {
		if n, _ := seen.count(); n != 0 {
			t.Errorf("%d requests arrived", n)
		}
	})
}

// A proxy that dies with a request on its way leaves a doubt, as any connection does.
func TestProxy_diesWithARequest(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	server, seen := serve(t, true, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	proxy := &connectProxy{pass: func(client, server net.Conn) {
		go func() { <-arrived; _, _ = client.Close(), server.Close() }()
		passAll(client, server)
	}}
	endpoint := listen(t, proxy.handle)
	_, err := callPatiently(t, newClient(t, server.URL, through(server, endpoint)), bind())
	wantError(t, err, dypls.Uncertain, dypls.CodeNoAnswer, nil)
	_, err = callPatiently(t, newClient(t, server.URL, through(server, endpoint)), query())
	wantError(t, err, dypls.Unavailable, dypls.CodeNoAnswer, nil)
	if n, _ := seen.count(); n != 2 {
		t.Errorf("%d requests arrived", n)
	}
}

// The age is checked behind the proxy, too, where the bytes are written.
func TestProxy_age(t *testing.T) {
	t.Parallel()
	clock := newSteppedClock()
	server, seen := serve(t, true, answerOK)
	server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		clock.step(time.Minute, 0) // the machine was suspended
		return nil, nil
	}
	endpoint := listen(t, (&connectProxy{pass: passAll}).handle)
	_, err := newClient(t, server.URL, func(c *Config) {
		through(server, endpoint)(c)
		c.clock = clock.clock()
	}).Call(t.Context(), bind())
	checkPause(t, false, err, seen, 0)
}

func TestNew_proxy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "",
		"http://proxy.example:3128":          "",
		"http://proxy.example":               "",
		"proxy.example:3128":                 "",
		" http://proxy.example:3128/\n":      "",
		"http://me:hunter2@[::1]:3128":       "",
		"https://proxy.example:3128":         "an HTTP proxy, which passes on",
		"socks5://me:hunter2@proxy.example":  "an HTTP proxy, which passes on",
		"http://me:hunter2#@proxy.example":   "the URL of an HTTP proxy",
		"http://me:hunter2@proxy.example/x?": "the URL of an HTTP proxy",
		"http://":                            "the URL of an HTTP proxy",
		"http://me:hun ter2@proxy.example":   "the URL of an HTTP proxy",
	} {
		client, err := New(Config{Proxy: text})
		switch {
		case want == "" && err != nil:
			t.Errorf("%q is refused: %v", text, err)
		case want == "":
			_ = client.Close()
		case err == nil || !strings.HasPrefix(err.Error(), "Proxy ") || !strings.Contains(err.Error(), want):
			t.Errorf("%q: the error is %v, want one of Proxy that says %q", text, err, want)
		case strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2"):
			t.Errorf("%q: the error repeats the password: %v", text, err)
		}
	}
}

// A handshake that fails is told with what to do about it, and proves that nothing was sent.
func TestTLS_remedies(t *testing.T) {
	t.Parallel()
	plain, plainSeen := serve(t, false, answerOK)
	secured, seen := serve(t, true, answerOK)
	expired, expiredSeen := serve(t, true, answerOK)
	for name, test := range map[string]struct {
		endpoint string
		change   func(*Config)
		says     string
	}{
		"plain server":      {strings.Replace(plain.URL, "http", "https", 1), nil, "does not speak TLS: check the endpoint's port"},
		"unknown authority": {secured.URL, nil, "ca-certificates"},
		"another host":      {strings.Replace(secured.URL, "127.0.0.1", "localhost", 1), trusting(secured), "check the endpoint's host"},
		"expired": {expired.URL, func(c *Config) {
			trusting(expired)(c)
			c.tlsTime = func() time.Time { return expired.Certificate().NotAfter.Add(time.Second) }
		}, "compare this machine's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := callPatiently(t, newClient(t, test.endpoint, test.change), bind())
			wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, nil)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
			if e, _ := errors.AsType[*dypls.Error](err); e != nil && len(e.Err.Error()) > 300 {
				t.Errorf("the cause is too long to be shown: %v", e.Err)
			}
		})
	}
	t.Cleanup(func() {
		for _, s := range []*arrivals{plainSeen, seen, expiredSeen} {
			if n, _ := s.count(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		}
	})
}
