package aliyun

import (
	"bufio"
	"bytes"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fixed is a client whose requests are the same every time. Its clock shows the local time, as
// time.Now does.
func fixed(t *testing.T, token string) *Client {
	t.Helper()
	return newClient(t, DefaultEndpoint, func(c *Config) {
		c.Credentials = StaticCredentials(testID, testSecret, token)
		c.clock = &clock{read: func() instant {
			return instant{wall: time.Date(2026, 11, 22, 6, 50, 42, 0, time.UTC).Local()}
		}}
		c.nonce = func() string { return "0123456789abcdef0123456789abcdef" }
	})
}

// A changed golden means requests that the API sees differently.
func TestSign_golden(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"bindaxn": "", "bindaxn_token": "CAIS-test-token"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := fixed(t, token)
			credential, err := client.credentials.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			req, err := client.sign(bind(), credential)
			if err != nil {
				t.Fatal(err)
			}
			var wire bytes.Buffer
			if err := req.Write(&wire); err != nil {
				t.Fatal(err)
			}
			arrived, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire.Bytes())))
			if err != nil {
				t.Fatal(err)
			}
			canonical, _ := canonicalRequest(arrived)
			got := "--- on the wire\n" + strings.ReplaceAll(wire.String(), "\r\n", "\n") + "--- what is signed\n" + canonical + "\n"

			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if want, got := authorization(arrived), arrived.Header.Get("Authorization"); want != got {
				t.Errorf("Authorization is %s, want %s", got, want)
			}
		})
	}
}

// The API compares x-acs-date with its own clock, in UTC, wherever the worker runs.
func TestSign_timeZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Shanghai"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSign_golden$")
			again.Env = append(os.Environ(), "TZ="+zone)
			if output, err := again.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

func TestSign_whatArrivesIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	for name, secured := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := serve(t, secured, func(w http.ResponseWriter, r *http.Request) {
				if want, got := authorization(r), r.Header.Get("Authorization"); want != got {
					t.Errorf("Authorization is %s, want %s", got, want)
				}
				if got := r.URL.Query().Get("OutId"); got != "a+b *~/é 号" {
					t.Errorf("OutId arrived as %q", got)
				}
				if r.Proto != "HTTP/1.1" || r.ContentLength != 0 || r.Header.Get("Idempotency-Key") != "" || r.Header.Get("Accept-Encoding") != "" {
					t.Errorf("%s, %d bytes of body, headers %v", r.Proto, r.ContentLength, r.Header)
				}
				answerOK(w, r)
			})
			client := newClient(t, server.URL, trusting(server))
			call := bind() // names of which one begins with another sort by name, not by name and value
			call.Parameters = append(call.Parameters, dypls.Parameter{Name: "OutId.1", Value: "x"}, dypls.Parameter{Name: "Empty"})
			if _, err := callPatiently(t, client, call); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSign_refuses(t *testing.T) {
	t.Parallel()
	parameters := func(names ...string) (p dypls.Parameters) {
		for _, name := range names {
			p = append(p, dypls.Parameter{Name: name, Value: "1"})
		}
		return p
	}
	for name, call := range map[string]dypls.Call{
		"no action":          {},
		"action of two":      {Action: "Bind\r\nAxn"},
		"name given twice":   {Action: "BindAxn", Parameters: parameters("A", "B", "A")},
		"name with a query":  {Action: "BindAxn", Parameters: parameters("A&B")},
		"parameter unnamed":  {Action: "BindAxn", Parameters: parameters("")},
		"name with a blank":  {Action: "BindAxn", Parameters: parameters("A B")},
		"name beyond ASCII":  {Action: "BindAxn", Parameters: parameters("é")},
		"name with a escape": {Action: "BindAxn", Parameters: parameters("A%20")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, seen := serve(t, false, answerOK)
			_, err := newClient(t, server.URL, nil).Call(t.Context(), call)
			wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, errMalformed)
			if n, _ := seen.count(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

func TestSign_nonceIsNew(t *testing.T) {
	t.Parallel()
	nonces := make([]string, 1000)
	for i := range nonces {
		nonces[i] = newNonce()
	}
	slices.Sort(nonces)
	if n := len(slices.Compact(nonces)); n != 1000 {
		t.Errorf("%d of 1000 nonces are different", n)
	}
}
