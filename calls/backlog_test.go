package calls

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestBacklog: what waits and what could not be read is told, and looking changes nothing.
func TestBacklog(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	if b, err := s.Backlog(t.Context()); b != (Backlog{}) || err != nil {
		t.Errorf("%+v, %v", b, err)
	}
	door := serve(t, s, HandlerConfig{})
	for _, body := range []string{"[]", "hush", "[7]"} {
		if status := push(t, door, dypls.TypeSecretReport, body); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	keys := s.redis.DBSize(t.Context()).Val()
	b, err := s.Backlog(t.Context())
	if err != nil || b.Waiting != 3 || b.Oldest > time.Minute || b.Unread != 0 || s.redis.DBSize(t.Context()).Val() != keys {
		t.Errorf("%+v, %v", b, err)
	}
	run(t, s)
	settled(t, s)
	b, err = s.Backlog(t.Context())
	if err != nil || b.Waiting != 0 || b.Unread != 2 || b.UnreadSince > time.Minute || !strings.Contains(b.UnreadWhy, "receipts cannot be read") {
		t.Errorf("%+v, %v", b, err)
	}
}
