package calls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	numberA = "13812345678"
	numberX = "17012345678"
	numberB = "15912345678"
	secret  = "a-secret-of-the-test-0123"
	within  = 2 * time.Minute
)

// open opens a store as the product does, which keeps calls for longer: those of receiptsOf are of
// one day for ever. Its log must not show a number when the test ends.
func open(t *testing.T, server *redistest.Server, change ...func(*Config)) *Store {
	t.Helper()
	var log logtest.Log
	c := Config{Redis: redisConfig(server), Logger: zerolog.New(&log), Keep: setting.Longest}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		for _, hidden := range []string{"12345678", "hush", secret} {
			if strings.Contains(log.String(), hidden) {
				t.Errorf("the log shows %s: %s", hidden, log.String())
			}
		}
	})
	return s
}

func redisConfig(server *redistest.Server) tasks.RedisConfig {
	return tasks.RedisConfig{URL: server.URL(), CAFile: server.CAFile, CertFile: server.CertFile, KeyFile: server.KeyFile, ServerName: server.ServerName}
}

// serve takes in pushes. It has as long for an answer as a test has, if not otherwise configured:
// half a second is little on a busy machine.
func serve(t *testing.T, s *Store, c HandlerConfig) *httptest.Server {
	t.Helper()
	c.Deadline = cmp.Or(c.Deadline, within)
	if c.Secrets == nil {
		c.Secrets = []string{secret}
	}
	h, err := s.Handler(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// push pushes a body as the platform does, and returns the status of the answer.
func push(t *testing.T, server *httptest.Server, of dypls.ReceiptType, body string) int {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Post(server.URL+"/receipts/"+secret+"/"+string(of), "text/plain", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// run merges until the test ends.
func run(t *testing.T, s *Store) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("merging ended: %v", err)
		}
	})
}

// settled waits until no push waits to be merged.
func settled(t *testing.T, s *Store) {
	t.Helper()
	redistest.Poll(t, within, "all pushes to be merged", func(ctx context.Context) error {
		n, err := s.Waiting(ctx)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
}

// signalRedis stops or continues the test's own redis-server.
func signalRedis(t *testing.T, client *redis.Client) (stop, goOn func()) {
	t.Helper()
	info, err := client.InfoMap(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(info["Server"]["process_id"], &pid); err != nil {
		t.Fatal(err)
	}
	send := func(sig syscall.Signal) func() {
		return func() {
			if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Error(err)
			}
		}
	}
	t.Cleanup(send(syscall.SIGCONT))
	return send(syscall.SIGSTOP), send(syscall.SIGCONT)
}

// receiptsOf are the five receipts of an answered call, and its transcript.
func receiptsOf(id string) map[dypls.ReceiptType]string {
	common := fmt.Sprintf(`"pool_key":"FC1","sub_id":1000043068030000,"out_id":"order-%[1]s","call_id":%[1]q,"phone_no":%[2]q,"secret_no":%[3]q,"peer_no":%[4]q,"call_type":0,"call_time":"2026-11-28 20:11:29"`, id, numberA, numberX, numberB)
	return map[dypls.ReceiptType]string{
		// what the early ones say is overridden by the report at the end
		dypls.TypeSecretStartReport:  "{" + common + `,"unconnected_cause":4,"control_msg":"zzz","city":"z"}`,
		dypls.TypeSecretRingReport:   "{" + common + `,"ring_time":"2026-11-28 20:11:35"}`,
		dypls.TypeSecretPickUpReport: "{" + common + `,"ring_Time":"2026-11-28 20:11:36","start_time":"2026-11-28 20:11:59"}`,
		dypls.TypeSecretReport: "{" + common + `,"ring_time":"2026-11-28 20:11:33","start_time":"2026-11-28 20:11:40","release_time":"2026-11-28 20:12:55","release_dir":1,"release_cause":16,"unconnected_cause":0,"control_msg":"OK","city":"北京",` +
			`"record_url":"https://records.example.com/1_86` + numberB + `.mp3?Expires=1&Signature=hush"}`,
		dypls.TypeSecretRecording: fmt.Sprintf(`{"subs_id":"1000043068030000","call_id":%q,"call_time":1795867889000}`, id),
		dypls.TypeSecretAsrReport: fmt.Sprintf(`{"callId":%q,"statusCode":"21050000","sentences":[{"text":"hush, %s"}]}`, id, numberB),
	}
}
