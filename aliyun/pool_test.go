package aliyun

import (
	"errors"
	"sync"
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
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range each {
						_, err := client.Call(t.Context(), bind())
						for isNotSent(err) { // a machine that is too busy to send within two seconds
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
			// No more than DefaultMaxConns are there at once. A busy machine gives up some whose handshake
			// lasts, and makes others.
			if most := requests / 8; connections > most {
				t.Errorf("%d connections for %d requests, want %d at most", connections, requests, most)
			}
		})
	}
}
