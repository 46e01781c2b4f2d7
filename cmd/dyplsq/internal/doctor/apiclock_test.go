package doctor_test

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
)

// TestAPIClock: the API refuses time stamps of a clock that is far off, which comparing with Redis
// alone cannot tell.
func TestAPIClock(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	p := patientOn(t, client)
	now := time.Now()
	p.Now = func() time.Time { return now }
	for ahead, want := range map[time.Duration]struct {
		verdict doctor.Verdict
		says    []string
	}{
		0:                 {doctor.OK, []string{"0s ahead of the API"}},
		-3 * time.Second:  {doctor.OK, []string{"3s behind the API"}},
		2 * time.Minute:   {doctor.Warning, []string{"2m0s ahead of the API", "from 15 minutes on", "chronyc tracking"}},
		-20 * time.Minute: {doctor.Warning, []string{"20m0s behind the API", "refuses every call (InvalidTimeStamp)", "chronyc tracking"}},
	} {
		p.Reach = func(context.Context) (doctor.Reached, error) {
			return doctor.Reached{Clock: now.Add(-ahead), Via: "proxy:3128"}, nil
		}
		p.want(t, "apiclock", want.verdict, want.says...)
		p.want(t, "endpoint", doctor.OK, "through the proxy proxy:3128", "no action was called")
	}
	p.Reach = func(context.Context) (doctor.Reached, error) { return doctor.Reached{}, nil }
	if f, told := p.examine(t)["apiclock"]; told {
		t.Errorf("without a Date: %+v", f)
	}
}
