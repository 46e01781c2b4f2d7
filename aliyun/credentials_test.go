package aliyun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aliyun/credentials-go/credentials"
)

// barren leaves the process without any source of credentials, the machine's role included. It
// changes the environment, which Alibaba's chain reads, so that these tests run one after another.
func barren(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "ALIBABA_CLOUD_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv(envNoMetadata, "true")
}

// keyServer is a source of temporary credentials at a URI.
type keyServer struct {
	asked   atomic.Int64
	respond atomic.Pointer[http.HandlerFunc]
}

func serveKeys(t *testing.T) *keyServer {
	t.Helper()
	k := &keyServer{}
	k.set(issueKey(time.Hour))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		(*k.respond.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv(envURI, server.URL)
	return k
}

func (k *keyServer) set(handler http.HandlerFunc) { k.respond.Store(&handler) }

func issueKey(validity time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":%q,"AccessKeySecret":%q,"SecurityToken":%q,"Expiration":%q}`,
			testID, markedSecret, markedToken, time.Now().Add(validity).UTC().Format("2006-01-02T15:04:05Z"))
	}
}

func TestDefaultCredentials_environment(t *testing.T) {
	barren(t)
	t.Setenv(envID, testID)
	t.Setenv(envSecret, testSecret)
	t.Setenv(envToken, "token")
	got, err := DefaultCredentials().Get(t.Context())
	if err != nil || got.AccessKeyID != testID || got.AccessKeySecret != testSecret || got.SecurityToken != "token" {
		t.Errorf("%v, error %v", got, err)
	}
}

// What came with the file that a key was read from is left out; what cannot be mended by waiting is
// no source at all.
func TestDefaultCredentials_blanksAndQuotes(t *testing.T) {
	barren(t)
	for name, test := range map[string]struct{ id, secret, token, says string }{
		"line break":           {testID + "\n", markedSecret + "\r\n", markedToken + "\n", ""},
		"blanks":               {" " + testID, "\t" + markedSecret + " ", markedToken, ""},
		"blank within":         {testID, markedSecret + " " + markedSecret, "", "the environment, cannot be used: the access key secret holds a blank"},
		"two lines":            {testID + "\n" + testID, markedSecret, "", "the access key ID holds a blank, a line break"},
		"quotation marks":      {testID, `"` + markedSecret + `"`, "", "the access key secret holds a quotation mark"},
		"byte order mark":      {"\ufeff" + testID, markedSecret, "", "the access key ID holds a blank"},
		"blank, in the token":  {testID, markedSecret, markedToken + " x", "the security token holds a blank"},
		"nothing but a blank":  {testID, " ", "", "the access key secret is empty"},
		"quotation marks, one": {"'" + testID, markedSecret, "", "the access key ID holds a quotation mark"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(envID, test.id)
			t.Setenv(envSecret, test.secret)
			t.Setenv(envToken, test.token)
			got, err := DefaultCredentials().Get(t.Context())
			if test.says == "" {
				if err != nil || got.AccessKeyID != testID || got.AccessKeySecret != markedSecret || got.SecurityToken != markedToken {
					t.Errorf("%v, error %v", got, err)
				}
				return
			}
			if !errors.Is(err, ErrNoCredentials) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want one of no credentials that says %q", err, test.says)
			}
			checkShown(t, "the error", err)
		})
	}
}

func TestDefaultCredentials_none(t *testing.T) {
	barren(t)
	for name, test := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"nothing":     {nil, ErrNoCredentials.Error()},
		"ID alone":    {map[string]string{envID: testID}, "no Alibaba Cloud credentials: " + envID + " is set, but " + envSecret + " is not"},
		"secret only": {map[string]string{envSecret: testSecret}, "no Alibaba Cloud credentials: " + envSecret + " is set, but " + envID + " is not"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			err := newClient(t, DefaultEndpoint, func(c *Config) { c.Credentials = nil }).CheckCredentials(t.Context())
			if !errors.Is(err, ErrNoCredentials) || err.Error() != test.want {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

// A source that is configured and does not answer may answer later: that is not the absence of one.
func TestDefaultCredentials_outOfReach(t *testing.T) {
	barren(t)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"access_key_secret": "`+markedSecret+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"URI":         {map[string]string{envURI: refusing}, "credentials out of reach (credential_uri): connection refused"},
		"CLI profile": {map[string]string{envCLIFile: broken}, "credentials out of reach (cli_profile): "},
		"file":        {map[string]string{envCredentialsFile: broken + ".none"}, "credentials out of reach (profile): no such file or directory"},
		"OIDC": {map[string]string{envRoleARN: "acs:ram::1:role/r", envOIDCProvider: "acs:ram::1:oidc-provider/p", envOIDCTokenFile: broken + ".none"},
			"credentials out of reach (oidc_role_arn): "},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			_, err := DefaultCredentials().Get(t.Context())
			if err == nil || errors.Is(err, ErrNoCredentials) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
			checkShown(t, "the error", err)
		})
	}
}

// Alibaba's chain sticks to what failed last; ours asks the whole chain again.
func TestDefaultCredentials_recovers(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	keys := serveKeys(t)
	keys.set(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, markedSecret, http.StatusServiceUnavailable)
	})
	d := DefaultCredentials()
	_, err := d.Get(t.Context())
	if err == nil || errors.Is(err, ErrNoCredentials) {
		t.Errorf("the error is %v", err)
	}
	checkShown(t, "the error", err)

	keys.set(issueKey(time.Hour))
	if got, err := d.Get(t.Context()); err != nil || got.SecurityToken != markedToken {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestDefaultCredentials_oneQuestionForAll(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	keys := serveKeys(t)
	d := DefaultCredentials()
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for range 32 {
				if _, err := d.Get(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("the source was asked %d times", n)
	}
}

// A source that hangs holds up nobody longer than he wants to wait.
func TestDefaultCredentials_hangs(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	keys := serveKeys(t)
	release := make(chan struct{})
	keys.set(func(w http.ResponseWriter, r *http.Request) {
		<-release
		issueKey(time.Hour)(w, r)
	})
	d := DefaultCredentials()
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := d.Get(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	close(release)
	if _, err := d.Get(t.Context()); err != nil {
		t.Error(err)
	}
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("the source was asked %d times", n)
	}
}

// The last credential bridges a source that is slow or gone, but not for longer than it is
// certainly valid.
func TestDefaultCredentials_bridges(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	keys := serveKeys(t)
	keys.set(issueKey(time.Minute)) // so short that the chain asks for another each time
	clock := newSteppedClock()
	d := &defaultCredentials{getenv: os.Getenv}
	d.find, d.now = d.fromChain, func() time.Time { return clock.clock().read().wall }
	get := func() error { _, err := d.Get(t.Context()); return err }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	clock.step(freshFor-time.Second, 0)
	if err := get(); err != nil || keys.asked.Load() != 1 {
		t.Errorf("error %v, asked %d times, want once", err, keys.asked.Load())
	}
	release := make(chan struct{})
	keys.set(func(http.ResponseWriter, *http.Request) { <-release })
	clock.step(time.Minute, 0)
	if err := get(); err != nil {
		t.Error(err)
	}
	eventually(t, "the source is asked meanwhile", func() bool { return keys.asked.Load() == 2 })
	keys.set(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusInternalServerError) })
	close(release)
	clock.step(usableFor, 0)
	eventually(t, "the credential is no longer used", func() bool { return get() != nil })
	clock.step(-time.Hour, 0) // a clock set back does not make it young again
	if get() == nil {
		t.Error("the credential is used again")
	}
}

// A running program never changes its account, even where another source answers.
func TestDefaultCredentials_keepsItsSource(t *testing.T) {
	barren(t)
	keys := serveKeys(t)
	keys.set(issueKey(time.Minute))
	clock := newSteppedClock()
	d := &defaultCredentials{getenv: os.Getenv}
	d.find, d.now = d.fromChain, func() time.Time { return clock.clock().read().wall }
	if _, err := d.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(other, []byte("[default]\ntype=access_key\naccess_key_id=other\naccess_key_secret="+markedSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(envCredentialsFile, other)
	keys.set(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusInternalServerError) })
	clock.step(2*usableFor, 0)
	for range 2 { // the first question goes to the source that has failed, the second to a new chain
		if got, err := d.Get(t.Context()); err == nil {
			t.Errorf("%v was accepted", got)
		}
	}
	_, err := d.Get(t.Context())
	if err == nil || !strings.Contains(err.Error(), "only profile answers") {
		t.Errorf("the error is %v", err)
	}
	checkShown(t, "the error", err)
}

// Where OIDC is configured, nothing below it in the chain is taken instead.
func TestDefaultCredentials_oidcOrNothing(t *testing.T) {
	barren(t)
	serveKeys(t)
	t.Setenv(envRoleARN, "acs:ram::1:role/r")
	t.Setenv(envOIDCProvider, "acs:ram::1:oidc-provider/p")
	t.Setenv(envOIDCTokenFile, filepath.Join(t.TempDir(), "none"))
	got, err := DefaultCredentials().Get(t.Context())
	if err == nil || errors.Is(err, ErrNoCredentials) {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestDefaultCredentials_chainPanics(t *testing.T) { //nolint:paralleltest // barren changes the environment
	barren(t)
	serveKeys(t)
	d := &defaultCredentials{getenv: os.Getenv, chain: struct{ credentials.Credential }{}}
	d.lookups = newLookups(d.fromChain)
	if _, err := d.Get(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, err := d.Get(t.Context()); err != nil {
		t.Errorf("it did not recover: %v", err)
	}
}
