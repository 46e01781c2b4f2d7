package aliyun

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfiguredSources(t *testing.T) {
	barren(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, configuredSources(os.Getenv)); diff != "" {
			t.Errorf("sources (-want +got):\n%s", diff)
		}
	}
	check()
	t.Setenv(envMetadata, "role")
	t.Setenv(envRoleARN, "arn")
	check()
	t.Setenv(envNoMetadata, "")
	check(sourceECS)
	t.Setenv(envOIDCProvider, "arn")
	t.Setenv(envOIDCToken, "token")
	check(sourceOIDC, sourceECS)
	t.Setenv(envURI, "http://127.0.0.1")
	t.Setenv(envID, "id")
	check(sourceOIDC, sourceECS, sourceURI)
	t.Setenv(envSecret, "secret")
	check(sourceEnv, sourceOIDC, sourceECS, sourceURI)
	for _, directory := range []string{".aliyun", ".alibabacloud"} {
		if err := os.Mkdir(filepath.Join(home, directory), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{".aliyun/config.json", ".alibabacloud/credentials"} {
		if err := os.WriteFile(filepath.Join(home, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check(sourceEnv, sourceOIDC, sourceCLI, sourceProfile, sourceECS, sourceURI)
	t.Setenv(envNoCLI, "TRUE")
	check(sourceEnv, sourceOIDC, sourceProfile, sourceECS, sourceURI)
}

// The metadata service answers in its own way, or it is not one.
func TestRoleAt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   bool
	}{
		"a role":          {200, "dyplsq-worker\n", true},
		"token required":  {403, "", true},
		"out of order":    {503, "", true},
		"no role":         {404, "", false},
		"a hotel's page":  {200, "<html>welcome</html>", false},
		"a redirect":      {302, "", false},
		"an empty answer": {200, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = fmt.Fprint(w, test.body)
			}))
			t.Cleanup(server.Close)
			if got := roleAt(t.Context(), server.URL) || test.want && foundPatiently(server.URL); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		if roleAt(t.Context(), refusing) {
			t.Error("got true")
		}
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		t.Cleanup(server.Close)
		if roleAt(t.Context(), server.URL) {
			t.Error("got true")
		}
	})
}

// foundPatiently looks for a role again where a busy machine took too long to answer.
func foundPatiently(url string) bool {
	for range 5 {
		began := time.Now()
		if roleAt(context.Background(), url) {
			return true
		}
		if time.Since(began) < metadataTimeout {
			break
		}
	}
	return false
}
