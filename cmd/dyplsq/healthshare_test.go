package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReadinessIsSharedForASecond: however many ask at once, Redis and the credentials are asked
// once, and again a second later.
func TestReadinessIsSharedForASecond(t *testing.T) {
	t.Parallel()
	const clients = 50
	var clock, asked atomic.Int64
	begun, goOn := make(chan struct{}, clients), make(chan struct{})
	h := health{shared: &sharedReadiness{
		now: func() time.Time { return time.Unix(1_800_000_000, clock.Load()) },
		ask: func(context.Context) readiness {
			n := asked.Add(1)
			begun <- struct{}{}
			<-goOn
			return readiness{Ready: n > 1}
		},
	}}
	get := func() int {
		w := httptest.NewRecorder()
		h.ready(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code
	}
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			if code := get(); code != http.StatusServiceUnavailable {
				t.Errorf("status %d, want that of the first answer", code)
			}
		})
	}
	<-begun
	close(goOn)
	asking.Wait()
	clock.Store(int64(shareFor) - 1)
	get()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times within a second", n)
	}
	clock.Store(int64(shareFor))
	if code := get(); code != http.StatusOK || asked.Load() != 2 {
		t.Errorf("a second later: status %d, asked %d times in all", code, asked.Load())
	}
}
