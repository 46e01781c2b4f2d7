package hostcheck

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestForeignHostIsRefusedOnLoopback(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hosts  Hosts
		status map[string]int
	}{
		"loopback": {Hosts{Loopback: true}, map[string]int{
			"127.0.0.1": 200, "127.0.0.1:9464": 200, "127.9.9.9": 200, "localhost": 200, "LOCALHOST:8081": 200, "localhost.": 200, "[::1]": 200, "[::1]:80": 200,
			"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "10.0.0.7": 421, "0.0.0.0": 421, "": 421,
		}},
		"a name of its own": {Hosts{Loopback: true, Names: []string{"dash.example.com"}}, map[string]int{
			"dash.example.com": 200, "DASH.example.com:443": 200, "127.0.0.1": 200, "evil.example": 421,
		}},
		"a name beyond loopback": {Hosts{Names: []string{"dash.example.com"}}, map[string]int{"dash.example.com": 200, "127.0.0.1": 421, "localhost": 421}},
		"any name":               {Hosts{}, map[string]int{"evil.example": 200, "": 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guarded := test.hosts.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			for host, want := range test.status {
				r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
				r.Host = host
				w := httptest.NewRecorder()
				guarded.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("Host %q: %d, want %d", host, w.Code, want)
				}
			}
		})
	}
}
