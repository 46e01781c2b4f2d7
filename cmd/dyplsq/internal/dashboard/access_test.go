package dashboard

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// passwordFile holds the lines with HASH replaced by that of "one".
func passwordFile(t *testing.T, lines ...string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("one"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "htpasswd")
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "HASH", string(hash))
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRolesOfThePasswordFile: the third field of a line says what a user may do.
func TestRolesOfThePasswordFile(t *testing.T) {
	t.Parallel()
	p, err := ReadPasswords(passwordFile(t, "ann:HASH", "bob:HASH:see", "eve:HASH: listen , numbers", "root:HASH:see,operate,numbers,listen"))
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string][]Role{
		"ann": {RoleSee, RoleOperate}, "bob": {RoleSee}, "eve": {RoleListen, RoleNumbers, RoleSee}, "root": allRoles,
	} {
		if got := p.roles[user]; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", user, got, want)
		}
	}
	_, err = ReadPasswords(passwordFile(t, "ann:HASH:", "bob:HASH:admin", "eve:HASH:see:x", "joe:HASH:see,,operate", "ok:HASH:see"))
	if err == nil {
		t.Fatal("lines with broken roles are taken")
	}
	for _, line := range []string{"line 1", "line 2", "line 3", "line 4"} {
		if !strings.Contains(err.Error(), line+": its roles must be some of see, operate, numbers and listen") {
			t.Errorf("%s is not named: %v", line, err)
		}
	}
	if strings.Contains(err.Error(), "admin") || strings.Contains(err.Error(), "line 5") {
		t.Errorf("it tells what is in a line, or complains of a good one: %v", err)
	}
}

// TestRolesAtTheDoor: what a request may do, whoever let it in.
func TestRolesAtTheDoor(t *testing.T) {
	t.Parallel()
	users, err := ReadPasswords(passwordFile(t, "ann:HASH", "bob:HASH:see,listen"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := Door{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, UserHeader: "X-User"}
	withRoles := proxy
	withRoles.RolesHeader = "X-Roles"
	for name, test := range map[string]struct {
		door   Door
		user   string // with its password
		header http.Header
		status int
		access Access
	}{
		"loopback":      {Door{}, "", nil, 200, Access{"", usualRoles}},
		"and a header":  {Door{}, "", http.Header{"X-Roles": {"numbers"}}, 200, Access{"", usualRoles}},
		"a password":    {Door{Passwords: users}, "ann", nil, 200, Access{"ann", usualRoles}},
		"one's roles":   {Door{Passwords: users}, "bob", http.Header{"X-Roles": {"numbers"}}, 200, Access{"bob", []Role{RoleSee, RoleListen}}},
		"a proxy":       {proxy, "", http.Header{"X-User": {"eve"}, "X-Roles": {"numbers"}}, 200, Access{"eve", usualRoles}},
		"its roles":     {withRoles, "", http.Header{"X-User": {"eve"}, "X-Roles": {"staff, numbers,see"}}, 200, Access{"eve", []Role{RoleNumbers, RoleSee}}},
		"two headers":   {withRoles, "", http.Header{"X-User": {"eve"}, "X-Roles": {"operate", "listen"}}, 200, Access{"eve", []Role{RoleOperate, RoleListen, RoleSee}}},
		"none of ours":  {withRoles, "", http.Header{"X-User": {"eve"}, "X-Roles": {"staff"}}, 403, Access{}},
		"no roles":      {withRoles, "", http.Header{"X-User": {"eve"}}, 403, Access{}},
		"roles, no one": {withRoles, "", http.Header{"X-Roles": {"see"}}, 401, Access{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got Access
			test.door.Hosts.Loopback = true
			door := newDoor(test.door, nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = AccessOf(r.Context()) }))
			r, answered := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil), httptest.NewRecorder()
			r.RequestURI = "/"
			if test.header != nil {
				r.Header = test.header
			}
			if test.user != "" {
				r.SetBasicAuth(test.user, "one")
			}
			door.ServeHTTP(answered, r)
			if answered.Code != test.status || got.User != test.access.User || !slices.Equal(got.Roles, test.access.Roles) {
				t.Errorf("%d %s: %+v, want %d %+v", answered.Code, answered.Body, got, test.status, test.access)
			}
		})
	}
}

// TestButtonsNeedTheRole: whoever may not operate has no buttons, and those pressed by hand are
// refused, whatever the dashboard allows.
func TestButtonsNeedTheRole(t *testing.T) {
	t.Parallel()
	users, err := ReadPasswords(passwordFile(t, "ann:HASH", "bob:HASH:see,numbers,listen"))
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, Config{AllowActions: true, Door: Door{Passwords: users}})
	o.enqueue(t, "x", "{}")
	for user, status := range map[string]int{"ann": http.StatusNoContent, "bob": http.StatusForbidden} {
		for method, path := range map[string]string{http.MethodPost: "/api/queues/default:pause", http.MethodGet: "/"} {
			request, err := http.NewRequestWithContext(t.Context(), method, o.server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.SetBasicAuth(user, "one")
			got, text := o.send(t, request)
			switch {
			case method == http.MethodPost && got != status:
				t.Errorf("%s pauses a queue: %d %s, want %d", user, got, text, status)
			case method == http.MethodGet && strings.Contains(text, noButtons) != (user == "bob"):
				t.Errorf("%s: the page has the wrong buttons: %.600s", user, text)
			}
		}
	}
}
