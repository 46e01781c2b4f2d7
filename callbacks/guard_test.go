package callbacks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	const (
		always  = iota // connected to
		private        // connected to where that is allowed
		never
	)
	for address, want := range map[string]int{
		"1.1.1.1": always, "47.96.0.1": always, "100.63.255.255": always, "100.128.0.1": always, "172.15.0.1": always, "172.32.0.1": always,
		"192.167.1.1": always, "11.0.0.1": always, "223.255.255.255": always, "2606:4700::1111": always, "2400:3200::1": always,
		"::ffff:1.1.1.1": always, "64:ff9b::101:101": always, "2002:101:101::1": always,

		"127.0.0.1": private, "127.255.255.254": private, "::1": private, "10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private,
		"192.168.0.1": private, "100.64.0.1": private, "100.127.255.255": private, "fc00::1": private, "fd12:3456::1": private,
		"::ffff:127.0.0.1": private, "::ffff:10.0.0.1": private, "64:ff9b::7f00:1": private, "64:ff9b::a00:1": private, "2002:7f00:1::": private,
		"2002:c0a8:101::1": private,

		"169.254.169.254": never, "100.100.100.200": never, "192.0.0.192": never, "fd00:ec2::254": never, "::ffff:169.254.169.254": never,
		"::ffff:100.100.100.200": never, "64:ff9b::a9fe:a9fe": never, "64:ff9b::6464:64c8": never, "2002:a9fe:a9fe::1": never,
		"169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never, "fec0::1": never, "0.0.0.0": never, "0.1.2.3": never, "::": never,
		"::ffff:0.0.0.0": never, "64:ff9b::": never, "224.0.0.1": never, "239.255.255.255": never, "ff02::1": never, "255.255.255.255": never,
		"240.0.0.1": never, "192.0.0.1": never, "192.0.2.1": never, "198.51.100.1": never, "203.0.113.1": never, "198.18.0.1": never,
		"198.19.255.255": never, "192.88.99.1": never, "2001::1": never, "2001:db8::1": never, "3fff::1": never, "100::1": never,
		"::127.0.0.1": never, "::10.0.0.1": never, "::ffff:0:127.0.0.1": never, "64:ff9b:1::a00:1": never, "5f00::1": never, "4000::1": never,
	} {
		parsed := netip.MustParseAddr(address)
		if got := checkAddress(parsed, false); (got == nil) != (want == always) {
			t.Errorf("%s: %v", address, got)
		}
		if got := checkAddress(parsed, true); (got == nil) != (want != never) {
			t.Errorf("%s, allowed: %v", address, got)
		}
	}
}

// names is a server of names, each of which has addresses that change from
// one question to the next.
func names(t *testing.T, answers map[string][]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int64
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply, ok := replyTo(buffer[:n], func(name string) []string {
				list, known := answers[name]
				if !known {
					return nil
				}
				resolved := []string{}
				for _, text := range list {
					one, next, rebinds := strings.Cut(text, " then ")
					if rebinds && asked.Add(1) > 1 {
						one = next
					}
					resolved = append(resolved, one)
				}
				return resolved
			}); ok {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// replyTo answers a question of DNS: with the addresses of a name of the type that was asked for,
// or, for nil, that there is no such name.
func replyTo(question []byte, addresses func(name string) []string) (reply []byte, ok bool) {
	const header = 12
	var labels []string
	at := header
	for at < len(question) && question[at] != 0 {
		end := at + 1 + int(question[at])
		if end >= len(question) {
			return nil, false
		}
		labels = append(labels, string(question[at+1:end]))
		at = end
	}
	at++ // the root
	if at+4 > len(question) {
		return nil, false
	}
	kind, all := question[at+1], addresses(strings.Join(labels, "."))
	reply = append([]byte{question[0], question[1], 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:at+4]...)
	if all == nil {
		reply[3] = 3 // no such name
	}
	for _, text := range all {
		address := netip.MustParseAddr(text)
		const a, aaaa = 1, 28
		if (kind == a) != address.Is4() || (kind == aaaa) != address.Is6() {
			continue
		}
		reply[7]++
		data := address.AsSlice()
		// a pointer to the name, type, class, no life
		reply = append(reply, 0xc0, header, 0, kind, 0, 1, 0, 0, 0, 0, 0, byte(len(data))) //nolint:gosec // 4 or 16
		reply = append(reply, data...)
	}
	return reply, true
}

// TestNamesThatLeadInside: what counts is the address that is connected to, whatever the name, and
// whatever it led to before.
func TestNamesThatLeadInside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(inside.Close)
	port := inside.URL[strings.LastIndex(inside.URL, ":"):]
	resolver := names(t, map[string][]string{
		"loopback.example.com": {"127.0.0.1"}, "private.example.com": {"10.1.2.3"}, "mapped.example.com": {"::ffff:127.0.0.1"},
		"six.example.com": {"::1"}, "nat64.example.com": {"64:ff9b::7f00:1"}, "metadata.example.com": {"169.254.169.254"},
		"both.example.com": {"127.0.0.1", "10.0.0.1"}, "rebinds.example.com": {"10.9.9.9 then 127.0.0.1"}, "nothing.example.com": {},
	})
	tests := map[string]string{
		"loopback.example.com": "a loopback address", "private.example.com": "a private network", "mapped.example.com": "a loopback address",
		"six.example.com": "a loopback address", "nat64.example.com": "a loopback address", "metadata.example.com": "a service of metadata",
		"both.example.com": "which is refused", "rebinds.example.com": "which is refused", "nobody.example.com": "its name is not known",
		"nothing.example.com": "its name is not known",
		"localhost":           "a loopback address", "127.0.0.1": "a loopback address", "[::ffff:7f00:1]": "a loopback address", "[::1]": "a loopback address",
		"2130706433": "", "0x7f.1": "", "0177.0.0.1": "", // no addresses to this resolver
	}
	for host, want := range tests {
		for _, scheme := range []string{"http", "https"} {
			e := Endpoint{Name: "a", URL: scheme + "://" + host + port + "/hush", Secrets: []string{secretOne}}
			p := newPoster(e, Config{now: time.Now, resolver: resolver})
			for range 2 {
				a := p.send(t.Context(), "msg_a", []byte("{}"))
				if a.Delivered() || a.Status != 0 || !strings.Contains(a.Error, want) || strings.Contains(a.Error, "hush") {
					t.Errorf("%s: %+v, want %q", e.URL, a, want)
				}
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("%d requests came through", n)
	}
	allowed := newPoster(Endpoint{URL: "http://loopback.example.com" + port, Secrets: []string{secretOne}, AllowPrivate: true}, Config{now: time.Now, resolver: resolver})
	if a := allowed.send(t.Context(), "msg_a", nil); !a.Delivered() {
		t.Errorf("where it is allowed: %+v", a)
	}
}

// TestProxiesAreNotUsed: they would look names up where nothing guards them.
func TestProxiesAreNotUsed(t *testing.T) { //nolint:paralleltest // it sets the environment
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	resolver := names(t, map[string][]string{"private.example.com": {"10.1.2.3"}})
	for _, scheme := range []string{"http", "https"} {
		a := newPoster(Endpoint{URL: scheme + "://private.example.com/", Secrets: []string{secretOne}}, Config{now: time.Now, resolver: resolver}).
			send(t.Context(), "msg_a", nil)
		if a.Delivered() || !strings.Contains(a.Error, "private network") {
			t.Errorf("%s: %+v", scheme, a)
		}
	}
	if asked.Load() > 0 {
		t.Error("the proxy was asked")
	}
}

func TestRemedies(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"10.0.0.1": "allow_private", "169.254.169.254": "own address"} {
		if got := remedyOf(checkAddress(netip.MustParseAddr(address), false)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", address, got)
		}
	}
	if errors.Is(checkAddress(netip.MustParseAddr("1.1.1.1"), false), addressError{}) {
		t.Error("refused")
	}
}
