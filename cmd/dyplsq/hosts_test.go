package main

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestListenersOnLoopbackRefuseForeignHosts: what only this machine should see is not shown to a
// page whose name was made to mean 127.0.0.1. The dashboard's own rows are in
// TestDashboardRefusesAsItsDocsSay.
func TestListenersOnLoopbackRefuseForeignHosts(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	_, worker := s.ObservedWorker(t)
	sim := systemtest.Start(t, systemtest.CleanEnv(), "sim", "--listen", "127.0.0.1:0")
	redistest.Poll(t, systemtest.StartWithin, "the simulator to be up", sim.Wrote(ledgerPath))
	simulator := regexp.MustCompile(`DYPLSQ_ENDPOINT=(\S+)`).FindStringSubmatch(sim.Text())[1]
	for _, url := range []string{worker + "/metrics", worker + "/healthz", worker + "/readyz", simulator + ledgerPath, simulator + "/"} {
		for host, refused := range map[string]bool{"": false, "localhost:9464": false, "evil.example": true, "127.0.0.1.evil.example": true} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if host != "" {
				request.Host = host
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if (response.StatusCode == http.StatusMisdirectedRequest) != refused {
				t.Errorf("%s under the name %q: %s", url, host, response.Status)
			}
		}
	}
}
