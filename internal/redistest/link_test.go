package redistest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestLink: while it is cut, who is connected and who connects hear nothing; then what was sent
// arrives late, or never.
func TestLink(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, forgotten := range map[string]bool{"late": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := redistest.StartLink(t, server)
			through := redis.NewClient(&redis.Options{Addr: link.Addr, MaxRetries: -1, ReadTimeout: time.Minute, ContextTimeoutEnabled: true, MaxIdleConns: 1})
			t.Cleanup(func() { _ = through.Close() })
			if err := through.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			link.Cut(t)
			brief, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := through.Incr(brief, name).Err(); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("cut: %v", err)
			}
			if conn, err := net.DialTimeout("tcp", link.Addr, time.Second); err == nil {
				t.Errorf("cut: %s answers who connects", conn.RemoteAddr())
			}
			if n, _ := server.Client(t).Get(t.Context(), name).Int(); n != 0 {
				t.Errorf("cut: %d arrived", n)
			}
			link.Heal(t, forgotten)
			if err := through.Set(t.Context(), name+" after", 1, 0).Err(); err != nil {
				t.Errorf("healed: %v", err)
			}
			want := 1
			if forgotten {
				want = 0
			}
			redistest.Poll(t, time.Minute, "what was sent", func(ctx context.Context) error {
				if n, _ := server.Client(t).Get(ctx, name).Int(); n != want {
					return fmt.Errorf("%d arrived, want %d", n, want)
				}
				return nil
			})
		})
	}
}
