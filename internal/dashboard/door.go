package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Door says who may come in. The zero value lets in whoever reaches the address, under any name of it.
type Door struct {
	// Passwords, when there are any, are asked of everybody.
	Passwords *Passwords
	// Proxies, when there are any, are the only addresses that are answered.
	Proxies []netip.Prefix
	// UserHeader is the header in which a proxy names who it let in. It is believed, so Proxies must not be empty.
	UserHeader string
	// Loopback says that only this machine reaches the address: then the Host must be a loopback one, or one of Hosts. Without it a
	// page of any site could have its own name mean 127.0.0.1, and read along.
	Loopback bool
	// Hosts are names under which the dashboard is reached, in lower case, without port. Where there are some, others are refused.
	Hosts []string
}

// door lets requests in, or refuses them, in the order of how little each check trusts.
type door struct {
	Door

	note func(Event)
	next http.Handler
}

// Event is an action, or, with status 401 and nothing else but From, a log-in that was refused: a name may be a password in the wrong field.
type Event struct {
	User, From   string
	Method, Path string
	Status       int
}

func newDoor(config Door, note func(Event), site http.Handler) http.Handler {
	if note == nil {
		note = func(Event) {}
	}
	// Another site's page must not press buttons with what the browser knows of ours.
	return headers{&door{Door: config, note: note, next: http.NewCrossOriginProtection().Handler(site)}}
}

// ServeHTTP implements [http.Handler].
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := checkPath(r.URL); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !d.knows(r.Host) {
		http.Error(w, "not under this name: open it as the address it listens on, or start it with --host NAME", http.StatusMisdirectedRequest)
		return
	}
	who, in := d.admit(w, r)
	if !in {
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		d.next.ServeHTTP(w, r)
		return
	}
	noted := &statusNote{ResponseWriter: w, status: http.StatusOK}
	d.next.ServeHTTP(noted, r)
	d.note(Event{User: who, From: r.RemoteAddr, Method: r.Method, Path: shownText(r.URL.Path), Status: noted.status})
}

// knows tells whether a Host may be ours.
func (d *door) knows(host string) bool {
	if !d.Loopback && len(d.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if slices.Contains(d.Hosts, host) || d.Loopback && host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && d.Loopback && address.IsLoopback()
}

// admit says who is there, or answers that nobody comes in.
func (d *door) admit(w http.ResponseWriter, r *http.Request) (who string, in bool) {
	from := remoteAddress(r)
	if len(d.Proxies) > 0 && !slices.ContainsFunc(d.Proxies, func(p netip.Prefix) bool { return p.Contains(from) }) {
		http.Error(w, "only through the proxy", http.StatusForbidden)
		return "", false
	}
	if d.UserHeader != "" {
		names := r.Header.Values(d.UserHeader)
		if len(names) != 1 || strings.TrimSpace(names[0]) == "" {
			http.Error(w, "the proxy does not say who you are", http.StatusUnauthorized)
			return "", false
		}
		who = names[0]
	}
	if d.Passwords == nil {
		return who, true
	}
	user, password, given := r.BasicAuth()
	right := false
	if given {
		var err error
		if right, err = d.Passwords.check(r.Context(), from, user, password); err != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusTooManyRequests)
			return "", false
		}
	}
	if !right {
		if given {
			d.note(Event{From: r.RemoteAddr, Status: http.StatusUnauthorized})
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="dyplsq", charset="UTF-8"`)
		http.Error(w, "name and password, please", http.StatusUnauthorized)
		return "", false
	}
	return user, true
}

// remoteAddress is where the connection comes from, the zero one when that cannot be told.
func remoteAddress(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}

// statusNote notes the status of an answer.
type statusNote struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements [http.ResponseWriter].
func (n *statusNote) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}
