package aliyun

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func isNotSent(err error) bool {
	e, ok := errors.AsType[*dypls.Error](err)
	return ok && e.Code == dypls.CodeNotSent
}

// Many callers share few connections, and each call is signed anew.
func TestCall_connections(t *testing.T) {
	t.Parallel()
	const callers, each = DefaultMaxConns, 32
	for name, secured := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, seen := serve(t, secured, answerOK)
			client := newClient(t, server.URL, trusting(server))
			var unsent atomic.Int64 // each of which ended its connection
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range each {
						_, err := client.Call(t.Context(), bind())
						for isNotSent(err) { // a machine that is too busy to send within two seconds
							unsent.Add(1)
							_, err = client.Call(t.Context(), bind())
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			requests, connections := seen.count()
			if requests != callers*each || len(seen.seen) != requests {
				t.Errorf("%d requests with %d nonces, want %d", requests, len(seen.seen), callers*each)
			}
			if most := DefaultMaxConns + int(unsent.Load()); connections > most {
				t.Errorf("%d connections, want %d at most", connections, most)
			}
		})
	}
}
