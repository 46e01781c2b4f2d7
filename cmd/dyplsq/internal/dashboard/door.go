package dashboard

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
)

// Door says who may come in. The zero value lets in whoever reaches the address, under any name of
// it.
type Door struct {
	// Passwords, when there are any, are asked of everybody.
	Passwords *Passwords
	// Proxies, when there are any, are the only addresses that are answered.
	Proxies []netip.Prefix
	// UserHeader is the header in which a proxy names who it let in. It is believed, so Proxies must
	// not be empty.
	UserHeader string
	// RolesHeader is the header in which that proxy says what they may do: names of roles with commas
	// between them. It is believed, so Proxies must not be empty. Whoever comes without a role is
	// refused.
	RolesHeader string
	// Hosts are the names under which the dashboard is opened.
	Hosts hostcheck.Hosts
	// AddressHeader is the header in which the proxy sets the client's address, for counting log-ins.
	// It is believed, so Proxies must not be empty.
	AddressHeader string
}

// door lets people in, or refuses them.
type door struct {
	Door

	note func(Event)
	next http.Handler
}

// Event is an action, or, with status 401 and nothing else but From, a log-in that was refused: a
// name may be a password in the wrong field.
type Event struct {
	User, From   string
	Method, Path string
	Status       int
}

func newDoor(config Door, note func(Event), site http.Handler) http.Handler {
	if note == nil {
		note = func(Event) {}
	}
	// The checks stand in the order of how little each trusts. Another site's page must neither press
	// buttons nor cause work with what the browser knows of ours.
	inside := http.NewCrossOriginProtection().Handler(ownReads{site})
	return headers{plainPaths{config.Hosts.Guard(&door{Door: config, note: note, next: inside})}}
}

// ServeHTTP implements [http.Handler].
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	access, in := d.admit(w, r)
	if !in {
		return
	}
	r = withAccess(r, access)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		d.next.ServeHTTP(w, r)
		return
	}
	noted := &statusNote{ResponseWriter: w, status: http.StatusOK}
	d.next.ServeHTTP(noted, r)
	d.note(
		Event{
			User:   access.User,
			From:   r.RemoteAddr,
			Method: r.Method,
			Path:   shownText(r.URL.Path),
			Status: noted.status,
		},
	)
}

// admit says who is there and what they may do, or answers that nobody comes in.
func (d *door) admit(w http.ResponseWriter, r *http.Request) (access Access, in bool) {
	from := remoteAddress(r)
	if len(d.Proxies) > 0 &&
		!slices.ContainsFunc(d.Proxies, func(p netip.Prefix) bool { return p.Contains(from) }) {
		http.Error(w, "only through the proxy", http.StatusForbidden)
		return Access{}, false
	}
	access.Roles = usualRoles
	if d.UserHeader != "" {
		if access, in = d.admitByProxy(w, r); !in {
			return Access{}, false
		}
	}
	if d.Passwords == nil {
		return access, true
	}
	return d.admitByPassword(w, r, from)
}

// admitByProxy believes what the proxy says of who is there.
func (d *door) admitByProxy(w http.ResponseWriter, r *http.Request) (access Access, in bool) {
	names := r.Header.Values(d.UserHeader)
	if len(names) != 1 || strings.TrimSpace(names[0]) == "" {
		http.Error(w, "the proxy does not say who you are", http.StatusUnauthorized)
		return Access{}, false
	}
	access = Access{User: names[0], Roles: usualRoles}
	if d.RolesHeader == "" {
		return access, true
	}
	if access.Roles = rolesOfHeader(r.Header.Values(d.RolesHeader)); len(access.Roles) == 0 {
		http.Error(
			w,
			"the proxy gives you no role: "+d.RolesHeader+" must hold see, operate, numbers or listen",
			http.StatusForbidden,
		)
		return Access{}, false
	}
	return access, true
}

// admitByPassword asks for name and password.
func (d *door) admitByPassword(
	w http.ResponseWriter,
	r *http.Request,
	from netip.Addr,
) (access Access, in bool) {
	user, password, given := r.BasicAuth()
	right := false
	if given {
		var err error
		if right, err = d.Passwords.check(r.Context(), d.client(r, from), user, password); err != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusTooManyRequests)
			return Access{}, false
		}
	}
	if !right {
		if given {
			d.note(Event{From: r.RemoteAddr, Status: http.StatusUnauthorized})
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="dyplsq", charset="UTF-8"`)
		http.Error(w, "name and password, please", http.StatusUnauthorized)
		return Access{}, false
	}
	return Access{User: user, Roles: d.Passwords.roles[user]}, true
}

// client is the address by which log-ins are counted: the one that the proxy sets, where it sets
// one.
func (d *door) client(r *http.Request, from netip.Addr) netip.Addr {
	if d.AddressHeader == "" {
		return from
	}
	values := r.Header.Values(d.AddressHeader)
	if len(values) != 1 {
		return from
	}
	address, err := netip.ParseAddr(strings.TrimSpace(values[0]))
	if err != nil {
		return from
	}
	return address.Unmap().WithZone("")
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
