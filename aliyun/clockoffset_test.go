package aliyun

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// A clock that disagrees with the API's is told with how far it is off, by a refusal and beside it.
func TestCall_tellsTheClocksOffset(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 8, 0, 0, 400_000_000, time.UTC)
	for name, test := range map[string]struct {
		date, code, says string
		offset           time.Duration
		known            bool
	}{
		"behind":      {"Sun, 29 Nov 2026 08:20:00 GMT", "InvalidTimeStamp.Expired", "this machine's clock is 20m0s behind the API's: mend it", 20 * time.Minute, true},
		"ahead":       {"Sun, 29 Nov 2026 07:40:00 GMT", "IllegalTimestamp", "this machine's clock is 20m0s ahead of the API's: mend it", -20 * time.Minute, true},
		"right":       {"Sun, 29 Nov 2026 08:00:00 GMT", "InvalidTimeStamp.Format", "compare this machine's clock", 0, true},
		"no Date":     {"", "InvalidTimeStamp.Expired", "compare this machine's clock", 0, false},
		"garbage":     {"soon", "InvalidTimeStamp.Expired", "compare this machine's clock", 0, false},
		"another one": {"Sun, 29 Nov 2026 08:20:00 GMT", "isv.BIND_CONFLICT", "isv.BIND_CONFLICT (Rejected): no", 20 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Date"] = []string{test.date}
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"Code":%q,"Message":"no"}`, test.code)
			})
			clock := &steppedClock{now: instant{wall: now}}
			client := newClient(t, server.URL, func(c *Config) { c.clock = clock.clock() })
			if _, known := client.ClockOffset(); known {
				t.Error("an offset is known before the first answer")
			}
			_, err := dypls.QuerySubsID.Call(t.Context(), client, dypls.QuerySubsIDRequest{PoolKey: "FC1", PhoneNoX: "17000000001"})
			if e, ok := errors.AsType[*dypls.Error](err); !ok || !strings.Contains(e.Error(), test.says) {
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
			if offset, known := client.ClockOffset(); offset != test.offset || known != test.known {
				t.Errorf("the offset is %v (known: %t), want %v, %t", offset, known, test.offset, test.known)
			}
		})
	}
}
