package aliyun

import (
	"fmt"
	"net/http"
	"testing"
)

// A connection that is never idle ends all the same, between two calls, so that a name's new
// address is followed.
func TestConn_retires(t *testing.T) {
	t.Parallel()
	for name, secured := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := "not tried"
			for tries := 0; wrong != "" && tries < 3; tries++ { // net/http uses no connection again on a machine too busy
				wrong = retires(t, secured)
			}
			if wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// retires makes two calls, lets the time of a connection pass, makes two more, and returns what is
// wrong.
func retires(t *testing.T, secured bool) (wrong string) {
	t.Helper()
	clock := newSteppedClock()
	server, seen := serve(t, secured, answerOK)
	client := newClient(t, server.URL, func(c *Config) {
		if secured {
			trusting(server)(c)
		}
		c.clock = clock.clock()
	})
	for i, want := range []int{1, 1, 2, 2} {
		if i == 2 {
			clock.step(connLife+connLife/2, connLife+connLife/2)
		}
		if _, err := callPatiently(t, client, bind()); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		if requests, connections := seen.count(); requests != i+1 || connections != want {
			return fmt.Sprintf("after call %d: %d requests over %d connections, want %d over %d", i, requests, connections, i+1, want)
		}
	}
	return ""
}

// No call ends because its connection is old, however long its answer takes.
func TestConn_retiresBetweenCalls(t *testing.T) {
	t.Parallel()
	clock := newSteppedClock()
	server, seen := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		clock.step(2*connLife, 2*connLife)
		answerOK(w, r)
	})
	client := newClient(t, server.URL, func(c *Config) { c.clock = clock.clock() })
	for i := range 5 {
		if _, err := client.Call(t.Context(), bind()); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if requests, connections := seen.count(); requests != 5 || connections != 5 {
		t.Errorf("%d requests over %d connections, want 5 over 5", requests, connections)
	}
}

// Connections that were opened together do not end together.
func TestConn_retiresSpread(t *testing.T) {
	t.Parallel()
	d := &dialer{clock: newSteppedClock().clock()}
	first, last := 2*connLife, connLife-1
	for range 1000 {
		at := d.guarded(nil).retires.at
		first, last = min(first, at), max(last, at)
	}
	if first < connLife || last > connLife+connLife/2 || last-first < connLife/4 {
		t.Errorf("a thousand connections end between %v and %v, want all over %v to %v", first, last, connLife, connLife+connLife/2)
	}
}
