package clients

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// requireClients turns a skip for want of a runtime into a failure.
const requireClients = "DYPLSQ_REQUIRE_CLIENTS"

// program is one of docs/clients.
type program struct {
	language string
	runtime  string
	apt      string // the package of Debian that has it
	file     string
}

var programs = []program{
	{"java", "java", "default-jdk-headless", "Client.java"},
	{"node", "node", "nodejs", "client.mjs"},
	{"php", "php", "php-cli", "client.php"},
	{"python", "python3", "python3", "client.py"},
}

// require skips a test for want of the runtime.
func (p program) require(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(p.runtime); err == nil {
		return
	}
	if os.Getenv(requireClients) != "" {
		t.Fatalf("%s is not installed, and %s is set: apt-get install %s", p.runtime, requireClients, p.apt)
	}
	t.Skipf("needs %s, which is not installed: apt-get install %s", p.runtime, p.apt)
}

// command is how a shell would call the program.
func (p program) command(args ...string) []string {
	return append([]string{p.runtime, p.path()}, args...)
}

func (p program) path() string {
	return filepath.Join("..", "..", "..", "docs", "clients", p.language, p.file)
}

// start starts the program. All that it writes is in its log.
func (p program) start(t *testing.T, env []string, args ...string) *systemtest.Process {
	t.Helper()
	return startLogged(t, env, p.command(args...))
}

func startLogged(t *testing.T, env, command []string) *systemtest.Process {
	t.Helper()
	return systemtest.StartProgram(t, "/bin/sh", env, slices.Concat([]string{"-c", `exec "$@" >&2`, "sh"}, command)...)
}

// receive starts the program's receiver, and waits until it answers.
func (p program) receive(t *testing.T, address string) *systemtest.Process {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	command := p.command("receive")
	if p.runtime == "php" { // whose web server runs it
		command = []string{p.runtime, "-S", address, p.path()}
	}
	receiver := startLogged(t, systemtest.CleanEnv("WEBHOOK_SECRET="+secret, "PORT="+port), command)
	redistest.Poll(t, systemtest.StartWithin, "the receiver to answer", systemtest.Until(func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}))
	if status, _ := systemtest.Do(t, http.MethodPost, "http://"+address, "{}"); status != http.StatusUnauthorized {
		t.Errorf("what has no signature: status %d", status)
	}
	return receiver
}

// api is a server of the API, which is killed and started again at the same address.
type api struct {
	address, tokens, token, callbacks string
	process                           *systemtest.Process
}

// serve starts one that tells a receiver of outcomes.
func serve(t *testing.T, s *systemtest.System, receiver string) *api {
	t.Helper()
	a := &api{address: systemtest.FreeAddress(t), tokens: systemtest.TempFile(t, "")}
	r := systemtest.Run(t, s.Env, "", "token", "new", "shop", "--scope", "enqueue,read", "--tokens", a.tokens)
	if r.Status != systemtest.StatusOK {
		t.Fatal(r.Errors)
	}
	a.token = strings.TrimSpace(r.Out)
	a.callbacks = systemtest.TempFile(
		t, `{"endpoints":[{"name":"shop","url":"`+receiver+`","secrets":["`+secret+`"],"allow_private":true}]}`)
	a.start(t, s)
	return a
}

func (a *api) start(t *testing.T, s *systemtest.System) {
	t.Helper()
	a.process = systemtest.Start(t, s.Env, "serve",
		"--serve-listen", a.address, "--tokens", a.tokens, "--callbacks", a.callbacks)
	redistest.Poll(t, systemtest.StartWithin, "the API to be served", a.process.Wrote("serving the API"))
}

// environment is that of a program which binds.
func (a *api) environment() []string {
	return systemtest.CleanEnv("DYPLSQ_URL=http://"+a.address, "DYPLSQ_TOKEN="+a.token)
}
