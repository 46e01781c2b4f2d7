package aliyun

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// issueTokens issues the tokens token-1, token-2 and so on, each valid for an hour by its own
// account.
func issueTokens(issued *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":%q,"AccessKeySecret":%q,"SecurityToken":"token-%d","Expiration":%q}`,
			testID, markedSecret, issued.Add(1), time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z"))
	}
}

// serveTokens is an API that takes the token of that number alone.
func serveTokens(t *testing.T, valid *atomic.Int64) (endpoint string, seen *arrivals) {
	t.Helper()
	server, seen := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Acs-Security-Token") != fmt.Sprintf("token-%d", valid.Load()) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"Code":"InvalidSecurityToken.Expired","Message":"Specified SecurityToken is expired.","HostId":"dyplsapi.aliyuncs.com"}`)
			return
		}
		answerOK(w, r)
	})
	return server.URL, seen
}

// A token that the API no longer takes is not used again: the call is Denied, which uses up no
// attempt, and the next has a new one.
func TestCredentials_renewedAfterRefusal(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	var issued, valid atomic.Int64
	valid.Store(1)
	serveKeys(t).set(issueTokens(&issued))
	endpoint, seen := serveTokens(t, &valid)
	client := newClient(t, endpoint, func(c *Config) { c.Credentials = nil })
	bindOnce := func() (err error) {
		for tries := 0; tries == 0 || leftTooLate(err) && tries < 10; tries++ {
			_, err = dypls.QuerySubsID.Call(t.Context(), client, dypls.QuerySubsIDRequest{PoolKey: "FC1", PhoneNoX: "17000000001"})
		}
		return err
	}
	for range 3 {
		if err := bindOnce(); isDenied(err) {
			t.Fatal(err)
		}
	}
	valid.Store(2)
	if err := bindOnce(); !isDenied(err) {
		t.Errorf("with the token of before the error is %v", err)
	}
	for range 3 {
		if err := bindOnce(); isDenied(err) {
			t.Errorf("after the renewal: %v", err)
		}
	}
	if requests, _ := seen.count(); requests != 7 || issued.Load() != 2 {
		t.Errorf("%d requests with %d tokens, want 7 with 2", requests, issued.Load())
	}
}

func isDenied(err error) bool {
	e, ok := errors.AsType[*dypls.Error](err)
	return ok && e.Class == dypls.Denied
}

// A refusal of a token that has been renewed meanwhile renews nothing.
func TestCredentials_lateRefusal(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	var issued atomic.Int64
	serveKeys(t).set(issueTokens(&issued))
	chain, isDefault := DefaultCredentials().(*defaultCredentials)
	if !isDefault {
		t.Fatal("another type")
	}
	first, err := chain.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		chain.refused(first)
		second, err := chain.Get(t.Context())
		if err != nil || second.SecurityToken != "token-2" || issued.Load() != 2 {
			t.Errorf("%d tokens were issued, error %v", issued.Load(), err)
		}
	}
}

// metadataService is that of a machine which answers by IMDSv2 alone. It stands where requests to
// the service's address are sent.
type metadataService struct {
	keys     http.HandlerFunc
	hardened bool // refuses who has no token
	tokens   atomic.Int64
}

func (m *metadataService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const token = "metadata-token"
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-Aliyun-Ecs-Metadata-Token-Ttl-Seconds") != "":
		m.tokens.Add(1)
		_, _ = fmt.Fprint(w, token)
	case m.hardened && r.Header.Get("X-Aliyun-Ecs-Metadata-Token") != token:
		w.WriteHeader(http.StatusForbidden)
	case strings.HasSuffix(r.URL.Path, "/security-credentials/"):
		_, _ = fmt.Fprint(w, "the-role")
	case strings.HasSuffix(r.URL.Path, "/security-credentials/the-role"):
		m.keys(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// The role of a machine is found where the metadata service wants a token first, and its keys are
// renewed like others.
func TestDefaultCredentials_machinesRole(t *testing.T) {
	for name, hardened := range map[string]bool{"IMDSv1 and v2": false, "IMDSv2 alone": true} {
		t.Run(name, func(t *testing.T) {
			barren(t)
			t.Setenv(envNoMetadata, "")
			var issued, valid atomic.Int64
			valid.Store(1)
			service := &metadataService{keys: issueTokens(&issued), hardened: hardened}
			server := httptest.NewServer(service)
			t.Cleanup(server.Close)
			sendTo(t, server.URL)

			chain := &defaultCredentials{getenv: func(string) string { return "" }, metadata: func() bool {
				return foundPatiently(server.URL + "/latest/meta-data/ram/security-credentials/")
			}}
			chain.lookups = newLookups(chain.fromChain)
			endpoint, _ := serveTokens(t, &valid)
			client := newClient(t, endpoint, func(c *Config) { c.Credentials = chain })
			if _, err := callPatiently(t, client, bind()); err != nil {
				t.Fatal(err)
			}
			if source, err := client.CredentialSource(t.Context()); err != nil || source != "the machine's RAM role" {
				t.Errorf("the source is %q, error %v", source, err)
			}
			valid.Store(2)
			for range 2 {
				if _, err := callPatiently(t, client, bind()); err != nil {
					t.Error(err)
				}
			}
			if issued.Load() != 2 || service.tokens.Load() == 0 {
				t.Errorf("%d keys were issued, for %d tokens of the service", issued.Load(), service.tokens.Load())
			}
		})
	}
}

// sendTo makes Alibaba's chain ask a server of the test where it would ask the machine's metadata
// service, whose address it does not let anybody change: it takes a proxy from net/http's default
// transport.
func sendTo(t *testing.T, server string) {
	t.Helper()
	transport, isTransport := http.DefaultTransport.(*http.Transport)
	target, err := url.Parse(server)
	if err != nil || !isTransport {
		t.Fatalf("%T, error %v", http.DefaultTransport, err)
	}
	before := transport.Proxy
	transport.Proxy = http.ProxyURL(target)
	t.Cleanup(func() { transport.Proxy = before })
}
