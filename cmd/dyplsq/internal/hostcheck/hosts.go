// Package hostcheck refuses HTTP requests that name a host which is not ours. A page of any site
// could otherwise let its own name mean 127.0.0.1 (DNS rebinding), and read what only this machine
// should see.
package hostcheck

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names under which a listener may be asked. The zero value allows every name.
type Hosts struct {
	// Loopback says that only this machine reaches the listener: the Host must then be a loopback one,
	// or one of Names.
	Loopback bool
	// Names are in lower case, without a port. Where there are some, others are refused.
	Names []string
}

// Guard answers 421 to a request under another name, and passes all others on.
func (h Hosts) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.Allow(r.Host) {
			http.Error(
				w,
				"not under this name: ask for the address it listens on, or start it with --host NAME where it has that flag",
				http.StatusMisdirectedRequest,
			)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Allow reports whether a request may name a host.
func (h Hosts) Allow(host string) bool {
	if !h.Loopback && len(h.Names) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if slices.Contains(h.Names, host) || h.Loopback && host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && h.Loopback && address.IsLoopback()
}
