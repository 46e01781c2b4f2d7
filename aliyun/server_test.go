package aliyun

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	testID     = "LTAI5tTestAccessKeyId"
	testSecret = "test-secret-Zm9yLXRlc3Rz"
	testNumber = "15000000000"
	okBody     = `{"Code":"OK","Message":"OK","RequestId":"8906582E-6722-4A3D-A1B2-0123456789AB"}`
)

// newClient returns a client of endpoint; change may set what the test is about.
func newClient(t *testing.T, endpoint string, change func(*Config)) *Client {
	t.Helper()
	config := Config{Endpoint: endpoint, Credentials: StaticCredentials(testID, testSecret, ""), Timeout: 10 * time.Second}
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// bind is a call that changes something.
func bind() dypls.Call {
	return dypls.Call{Action: "BindAxn", Mutates: true, Parameters: dypls.Parameters{
		{Name: "PoolKey", Value: "FC100000000001"},
		{Name: "PhoneNoA", Value: testNumber, Personal: true},
		{Name: "OutId", Value: "a+b *~/é 号"},
	}}
}

// query is a call that changes nothing.
func query() dypls.Call {
	call := bind()
	call.Action, call.Mutates = "QuerySubsId", false
	return call
}

// arrivals records the requests that reached a server, by their nonce.
type arrivals struct {
	mu    sync.Mutex
	seen  map[string]int
	conns int
}

func (a *arrivals) note(nonce string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]int{}
	}
	a.seen[nonce]++
}

func (a *arrivals) count() (requests, connections int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.seen {
		requests += n
	}
	return requests, a.conns
}

func (a *arrivals) connState(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		a.mu.Lock()
		a.conns++
		a.mu.Unlock()
	}
}

// serve starts a server that records what arrives. secured makes it HTTPS, with a certificate of
// httptest's.
func serve(t *testing.T, secured bool, handler http.HandlerFunc) (*httptest.Server, *arrivals) {
	t.Helper()
	seen := &arrivals{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.note(r.Header.Get("X-Acs-Signature-Nonce"))
		handler(w, r)
	}))
	server.Config.ConnState = seen.connState
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secured {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, seen
}

// trusting lets a client accept the server's certificate.
func trusting(server *httptest.Server) func(*Config) {
	if server.TLS == nil {
		return nil
	}
	return func(c *Config) {
		c.roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
}

func answerOK(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, okBody) }

// listen accepts raw connections until the test ends.
func listen(t *testing.T, handle func(net.Conn)) (endpoint string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var handlers sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		handlers.Wait()
	})
	handlers.Go(func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			handlers.Go(func() {
				defer func() { _ = accepted.Close() }()
				handle(accepted)
			})
		}
	})
	return "http://" + listener.Addr().String()
}

// refusing is an endpoint where nobody listens: no system gives its port to whoever listens on any.
const refusing = "http://127.0.0.1:1"

// callPatiently repeats a call that did not leave in time, as happens on a busy machine.
func callPatiently(t *testing.T, client *Client, call dypls.Call) (dypls.Answer, error) {
	t.Helper()
	answer, err := client.Call(t.Context(), call)
	for tries := 0; leftTooLate(err) && tries < 10; tries++ {
		answer, err = client.Call(t.Context(), call)
	}
	return answer, err
}

func leftTooLate(err error) bool { return isNotSent(err) && errors.Is(err, context.DeadlineExceeded) }

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// canonicalRequest rebuilds from what arrived what must have been signed, by the rules of ACS3 and
// without the signer.
func canonicalRequest(r *http.Request) (text string, signedHeaders []string) {
	headers := map[string]string{"host": r.Host}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			headers[lower] = r.Header.Get(name)
		}
	}
	for name := range headers {
		signedHeaders = append(signedHeaders, name)
	}
	slices.Sort(signedHeaders)
	path, rawQuery, _ := strings.Cut(r.RequestURI, "?")
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n%s\n", r.Method, path, rawQuery)
	for _, name := range signedHeaders {
		fmt.Fprintf(&b, "%s:%s\n", name, headers[name])
	}
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(signedHeaders, ";"), headers["x-acs-content-sha256"])
	return b.String(), signedHeaders
}

// authorization is what a request must carry.
func authorization(r *http.Request) string {
	text, signedHeaders := canonicalRequest(r)
	digest := sha256.Sum256([]byte(text))
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(digest[:])))
	return fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s",
		testID, strings.Join(signedHeaders, ";"), hex.EncodeToString(mac.Sum(nil)))
}
