package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestAnExposedPasswordFileIsTold: it is used all the same, since in a container it may have to be
// read by another user.
func TestAnExposedPasswordFileIsTold(t *testing.T) {
	t.Parallel()
	for mode, told := range map[os.FileMode]bool{0o600: false, 0o644: true} {
		file := systemtest.PasswordFile(t)
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		flags := doorFlags{Auth: file}
		door, _, err := flags.check(true)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		flags.warn(door, zerolog.New(&log))
		if strings.Contains(log.String(), "chmod 400") != told {
			t.Errorf("mode %o: %q", mode, log.String())
		}
	}
}

// TestDashboardFlags: what would open the dashboard to strangers is refused before anything
// listens, all of it at once.
func TestDashboardFlags(t *testing.T) {
	t.Parallel()
	cert, key := systemtest.Certificate(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(systemtest.DashPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := systemtest.PasswordFile(t)
	wide := []string{"--listen", "0.0.0.0:0"}
	bad := systemtest.TempFile(t, fmt.Sprintf("ann:%s\nbob:$apr1$abcdefgh$0123456789012345678901\neve:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\nann:%s\nnobody\ncut:%s\nslow:%s\n",
		hash, hash, hash[:40], strings.Replace(string(hash), "$04$", "$20$", 1)))
	for name, test := range map[string]struct {
		env, args []string
		says      []string
	}{
		"beyond loopback":             {args: wide, says: []string{"--auth FILE", "--tls-cert and --tls-key, or --behind-proxy"}},
		"every address":               {args: []string{"--listen", ":0"}, says: []string{"--auth FILE", "--tls-cert"}},
		"a name that may be anywhere": {args: []string{"--listen", "db.example.com"}, says: []string{"--auth FILE", "--tls-cert"}},
		"no TLS":                      {args: append([]string{"--auth", users}, wide...), says: []string{"needs TLS"}},
		"no password":                 {args: append([]string{"--tls-cert", cert, "--tls-key", key}, wide...), says: []string{"--auth FILE"}},
		"no Redis either":             {env: []string{"REDIS_URL="}, args: wide, says: []string{"REDIS_URL is not set", "--auth FILE", "needs TLS"}},
		"a proxy of which nothing is known": {
			args: append([]string{"--behind-proxy"}, wide...), says: []string{"--behind-proxy needs --trusted-proxy", "--trusted-header and --trusted-proxy"},
		},
		"a proxy that lets everybody in to loopback": {args: []string{"--behind-proxy", "--trusted-proxy", "127.0.0.1"}, says: []string{"who is there"}},
		"a proxy that is everybody": {
			args: append([]string{"--behind-proxy", "--trusted-header", "X-User", "--trusted-proxy", "0.0.0.0/0,::/0,10.0.0"}, wide...),
			says: []string{"0.0.0.0/0 is everybody", "::/0 is everybody", `"10.0.0" must be an address or a network`},
		},
		"a header that anybody sends": {
			args: []string{"--behind-proxy", "--trusted-header", "authorization", "--trusted-proxy", "10.0.0.1"}, says: []string{"that the proxy sets itself"},
		},
		"a header that nobody vouches for":   {args: []string{"--trusted-header", "X-User"}, says: []string{"--behind-proxy only"}},
		"an address that nobody vouches for": {args: []string{"--address-header", "X-Real-IP"}, says: []string{"--behind-proxy only"}},
		"roles that nobody vouches for":      {args: []string{"--roles-header", "X-Groups"}, says: []string{"--roles-header is believed with --trusted-header only"}},
		"roles that anybody sends": {
			args: []string{"--behind-proxy", "--trusted-proxy", "10.0.0.1", "--trusted-header", "X-User", "--roles-header", "cookie"}, says: []string{"a header of its own"},
		},
		"roles that are the name": {
			args: []string{"--behind-proxy", "--trusted-proxy", "10.0.0.1", "--trusted-header", "X-User", "--roles-header", "x-user"}, says: []string{"a header of its own"},
		},
		"an address that anybody sends": {
			args: []string{"--auth", users, "--behind-proxy", "--trusted-proxy", "10.0.0.1", "--address-header", "X-Forwarded-For"}, says: []string{"to one address"},
		},
		"proxies of no use": {args: []string{"--trusted-proxy", "10.0.0.1"}, says: []string{"--behind-proxy only"}},
		"two ways of saying who": {
			args: []string{"--auth", users, "--behind-proxy", "--trusted-header", "X-User", "--trusted-proxy", "10.0.0.1"}, says: []string{"keep one"},
		},
		"half a certificate": {args: append([]string{"--auth", users, "--tls-cert", cert}, wide...), says: []string{"belong together"}},
		"a key that is none": {args: []string{"--tls-cert", cert, "--tls-key", users}, says: []string{"cannot be used"}},
		"no password file":   {args: []string{"--auth", "/nonexistent"}, says: []string{"cannot be read"}},
		"an empty one":       {args: []string{"--auth", systemtest.TempFile(t, "# nobody\n\n")}, says: []string{"holds no user", "htpasswd -B"}},
		"all that can be wrong with one": {
			args: []string{"--auth", bad},
			says: []string{"line 2: the hash is not bcrypt's", "line 3: the hash is not bcrypt's", "line 4: this user is there twice", "line 5: it must be user:hash",
				"line 6: the bcrypt hash is not whole", "line 7: bcrypt's cost is 20", "htpasswd -B -C 12"},
		},
		"a host with a port":         {args: []string{"--host", "dash.example.com:443"}, says: []string{"without a port"}},
		"a Prometheus with password": {args: []string{"--prometheus", "http://u:p@prom:9090"}, says: []string{"without a password"}},
		"from the environment": {
			env:  []string{"DYPLSQ_DASH_LISTEN=0.0.0.0:0", "DYPLSQ_DASH_AUTH=/nonexistent", "DYPLSQ_DASH_TLS_CERT=/c", "DYPLSQ_DASH_TRUSTED_PROXY=10.0.0.1,x"},
			says: []string{"password file cannot be read", "belong together", "--trusted-proxy is of use", `"x" must be`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := systemtest.Run(t, systemtest.CleanEnv(append([]string{"REDIS_URL=redis://127.0.0.1:1/0"}, test.env...)...), "", append([]string{"dash"}, test.args...)...)
			if r.Status != statusUsage {
				t.Errorf("exit status %d\n%s", r.Status, r.Errors)
			}
			for _, text := range test.says {
				if !strings.Contains(r.Errors, text) {
					t.Errorf("does not say %q:\n%s", text, r.Errors)
				}
			}
			for _, secret := range []string{string(hash[7:]), "apr1", "fEqNCco3"} {
				if strings.Contains(r.Errors, secret) {
					t.Errorf("shows what is in the file:\n%s", r.Errors)
				}
			}
		})
	}
	if r := systemtest.Run(t, systemtest.CleanEnv(), "", "dev", "--listen", "0.0.0.0:0"); r.Status != statusUsage || !strings.Contains(r.Errors, "--auth FILE") {
		t.Errorf("dev beyond loopback: exit status %d\n%s", r.Status, r.Errors)
	}
	help := systemtest.Run(t, systemtest.CleanEnv(), "", "dash", "--help")
	for _, name := range []string{"LISTEN", "ALLOW_ACTIONS", "AUTH", "TLS_CERT", "TLS_KEY", "BEHIND_PROXY", "TRUSTED_PROXY", "TRUSTED_HEADER", "ROLES_HEADER", "ADDRESS_HEADER", "HOST", "PROMETHEUS"} {
		if !strings.Contains(help.Out, "$DYPLSQ_DASH_"+name) {
			t.Errorf("the help does not show DYPLSQ_DASH_%s", name)
		}
	}
}
