package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestSimPushesReceiptsOfItsCalls: what a user's receiver gets from dyplsq sim, as a process.
func TestSimPushesReceiptsOfItsCalls(t *testing.T) {
	t.Parallel()
	pushed := make(chan string, 10)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		pushed <- r.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, `{"code":0}`)
	}))
	t.Cleanup(target.Close)
	sim := systemtest.Start(t, systemtest.CleanEnv("DYPLSQ_SIM_PUSH=SecretStartReport="+target.URL+"/from-environment"),
		"sim", "--listen", "127.0.0.1:0", "--scale", "0.001", "--push", "SecretStartReport="+target.URL+"/start", "--push", "SecretReport="+target.URL+"/end")
	redistest.Poll(t, systemtest.StartWithin, "the simulator to be up", sim.Wrote(dyplstest.ReceiptsPath))
	url := regexp.MustCompile(`DYPLSQ_ENDPOINT=(\S+)`).FindStringSubmatch(sim.Text())[1]
	status, placed := systemtest.Do(t, http.MethodPost, url+dyplstest.CallsPath, `{"secret_no":"17000000000","caller":"15000000003"}`)
	if status != http.StatusOK || !strings.Contains(placed, `"unconnected_cause":2`) {
		t.Fatalf("answer %d %s", status, placed)
	}
	came := map[string]string{}
	for came["/start"] == "" || came["/end"] == "" { // whoever answers late is sent the same again
		path, body, _ := strings.Cut(<-pushed, " ")
		came[path] = body
	}
	if len(came) != 2 || !strings.HasPrefix(came["/start"], "[{") || !strings.HasPrefix(came["/end"], "[{") || !strings.Contains(came["/end"], `"control_msg":"NO_SUBS_EXIST"`) {
		t.Errorf("pushed %s", came)
	}
	redistest.Poll(t, systemtest.StartWithin, "the receipts to be accepted", systemtest.Until(func() bool {
		_, listed := systemtest.Get(t, url+dyplstest.ReceiptsPath+"?outcome=accepted")
		return strings.Count(listed, `"accepted":true`) == 2
	}))
}
