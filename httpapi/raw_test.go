package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// harsh has the world's API behind a server like that of dyplsq serve, with short
// times, and returns its address.
func (w *world) harsh() string {
	w.t.Helper()
	const short = 3 * time.Second
	w.api.bodyWithin = short
	w.api.admit = func(r *http.Request) int {
		if !strings.HasPrefix(r.Host, "127.0.0.1") {
			return http.StatusMisdirectedRequest
		}
		return 0
	}
	server := httptest.NewUnstartedServer(w.api)
	server.Config.MaxHeaderBytes = 16 << 10
	server.Config.ReadHeaderTimeout = short
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	w.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// raw sends a text, and returns what is answered; status 0 where the connection is
// closed without an answer.
func (w *world) raw(t *testing.T, address, text string) answer {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(within))
	go func() { _, _ = io.WriteString(connection, text) }()
	method, rest, _ := strings.Cut(text, " ")
	target, _, _ := strings.Cut(rest, " ")
	request, requestErr := http.NewRequestWithContext(t.Context(), method, "http://"+address+target, http.NoBody)
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		return answer{}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	isOurs := strings.HasSuffix(response.Header.Get("Content-Type"), "json")
	if requestErr == nil && isOurs && method != http.MethodHead {
		if err := checkExchange(request, nil, response); err != nil {
			t.Errorf("%s %s: %v", method, target, err)
		}
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// text writes a request as it goes over the wire. A header that is given replaces the usual one;
// with an empty value it is left out.
func (w *world) text(line, body string, headers ...string) string {
	if !strings.Contains(line, "HTTP/") {
		line += " HTTP/1.1"
	}
	given := map[string]bool{}
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\r\n", line)
	write := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		given[headers[i]] = true
		write(headers[i], headers[i+1])
	}
	usual := [][2]string{{"Host", "127.0.0.1"}, {"Authorization", "Bearer " + w.all}, {"Connection", "close"}}
	if body != "" {
		usual = append(usual, [2]string{"Content-Type", "application/json"})
		if !given["Transfer-Encoding"] {
			usual = append(usual, [2]string{"Content-Length", strconv.Itoa(len(body))})
		}
	}
	for _, header := range usual {
		if !given[header[0]] {
			write(header[0], header[1])
		}
	}
	return b.String() + "\r\n" + body
}
