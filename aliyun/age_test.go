package aliyun

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// steppedClock goes when it is told to, each of its two hands alone.
type steppedClock struct {
	mu  sync.Mutex
	now instant
}

func newSteppedClock() *steppedClock { return &steppedClock{now: instant{wall: time.Now().Round(0)}} }

func (s *steppedClock) step(wall, mono time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.wall, s.now.mono = s.now.wall.Add(wall), s.now.mono+mono
}

func (s *steppedClock) clock() *clock {
	return &clock{base: time.Now(), read: func() instant {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}}
}

// What happens to the machine between the start of a call and its first byte.
var pauses = map[string]struct {
	wall, mono time.Duration
	sent       bool
}{
	"nothing":                       {0, 0, true},
	"two seconds":                   {maxAge, maxAge, true},
	"a long pause":                  {time.Minute, time.Minute, false},
	"a suspended machine":           {time.Minute, 0, false},
	"a pause and a clock set back":  {0, time.Minute, false},
	"a clock set back":              {-time.Minute, 0, false},
	"a clock corrected":             {-clockTolerance, 0, true},
	"just too long":                 {maxAge + 1, maxAge, false},
	"just too long, monotonic only": {maxAge, maxAge + 1, false},
}

// The age is checked where the bytes are written: on a connection that is new, after its handshake.
func TestCall_ageOnANewConnection(t *testing.T) {
	t.Parallel()
	for name, pause := range pauses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, seen := serve(t, true, answerOK)
			var clock *steppedClock
			server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				clock.step(pause.wall, pause.mono)
				return nil, nil
			}
			var err error
			for range 10 {
				clock = newSteppedClock()
				client := newClient(t, server.URL, func(c *Config) {
					trusting(server)(c)
					c.clock = clock.clock()
				})
				_, err = client.Call(t.Context(), bind())
				_ = client.Close()
				if !pause.sent || !leftTooLate(err) {
					break // else by the real clock, as happens on a busy machine
				}
			}
			checkPause(t, pause.sent, err, seen, 0)
		})
	}
}

// And on one that was waiting, where nothing but the write is left to be done.
func TestCall_ageOnAnIdleConnection(t *testing.T) {
	t.Parallel()
	for name, pause := range pauses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newSteppedClock()
			server, seen := serve(t, true, answerOK)
			client := newClient(t, server.URL, func(c *Config) {
				trusting(server)(c)
				c.clock = clock.clock()
			})
			if _, err := callPatiently(t, client, bind()); err != nil {
				t.Fatal(err)
			}
			// On a busy machine net/http may not use a connection again, and a call may leave too late by
			// the real clock.
			for tries := 1; ; tries++ {
				before, _ := seen.count()
				reused := false
				_, err := client.Call(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
					if reused = got.Reused; reused {
						clock.step(pause.wall, pause.mono)
					}
				}}), bind())
				if reused && (!pause.sent || !leftTooLate(err)) {
					checkPause(t, pause.sent, err, seen, before)
					return
				}
				if tries == 10 {
					t.Fatalf("the connection is used again: %t; %v", reused, err)
				}
			}
		})
	}
}

func checkPause(t *testing.T, sent bool, err error, seen *arrivals, before int) {
	t.Helper()
	n, _ := seen.count()
	if sent {
		if err != nil || n != before+1 {
			t.Errorf("error %v, %d requests arrived, want %d", err, n, before+1)
		}
		return
	}
	wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, nil)
	if n != before {
		t.Errorf("%d requests arrived, want %d", n, before)
	}
}

func TestClock_noted(t *testing.T) {
	t.Parallel()
	c := systemClock()
	time1 := time.Now()
	now := c.read()
	tests := map[string]struct {
		noted time.Time
		fresh bool
	}{
		"now":                              {time.Time{}, true},
		"just now":                         {time1, true},
		"a second ago":                     {time1.Add(-time.Second), true},
		"a second ago, elsewhere":          {time1.Add(-time.Second).In(time.FixedZone("", 3600)), true},
		"a second ago, wall clock":         {time1.Add(-time.Second).Round(0), true},
		"a second ago, wall clock in UTC":  {time1.Add(-time.Second).Round(0).UTC(), true},
		"three seconds ago":                {time1.Add(-3 * time.Second), false},
		"three seconds ago, wall clock":    {time1.Add(-3 * time.Second).Round(0), false},
		"in three seconds":                 {time1.Add(3 * time.Second), false},
		"in three seconds, wall clock":     {time1.Add(3 * time.Second).Round(0), false},
		"before the client, a second ago":  {c.base.Add(-time.Second + time.Millisecond), true},
		"before the client, a minute ago":  {c.base.Add(-time.Minute), false},
		"before the epoch":                 {time.Unix(-1, 0), false},
		"long ago, farther than durations": {time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.noted(test.noted, now).age(now); (err == nil) != test.fresh {
				t.Errorf("error %v, want fresh %t", err, test.fresh)
			}
		})
	}
}
