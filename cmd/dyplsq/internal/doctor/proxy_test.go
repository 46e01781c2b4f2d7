package doctor_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestProxysCheck: before a Redis that checks scripts as Alibaba Cloud's proxies do, and before one
// whose check is switched off.
func TestProxysCheck(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, healthy...)
	for lets, verdict := range map[bool]doctor.Verdict{false: doctor.Loses, true: doctor.OK} {
		check := redistest.StartScriptCheck(t, server, lets)
		client := redis.NewClient(&redis.Options{Addr: check.Addr, MaxRetries: -1})
		t.Cleanup(func() { _ = client.Close() })
		says := map[bool][]string{false: {"script_check_enable to 0", "standard instance"}}[lets]
		patientOn(t, client).want(t, "proxy", verdict, says...)
	}
}
