package refusal

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// reply is a reply of Redis that is an error, as go-redis returns one that it has no type for.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// replies are what servers, proxies and asynq make of each refusal.
var replies = map[string][]string{
	"READONLY": {
		"READONLY You can't write against a read only replica.",
		"ERR READONLY You can't write against a read only replica.",
		"-READONLY You can't write against a read only replica.",
		"READONLY You can't write against a read only replica. script: 8f1c, on @user_script:1.",
		"ERR Error running script (call to f_8f1c): @user_script:1: -READONLY You can't write against a read only replica.",
		"ERR Error running script (call to f_8f1c): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
		"ERR upstream 10.0.0.7: READONLY You can't write against a read only replica.",
	},
	"MASTERDOWN": {
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "ERR MASTERDOWN Link with MASTER is down",
	},
	"LOADING":     {"LOADING Redis is loading the dataset in memory", "ERR LOADING Redis is loading the dataset in memory"},
	"CLUSTERDOWN": {"CLUSTERDOWN Hash slot not served", "ERR CLUSTERDOWN The cluster is down"},
	"TRYAGAIN":    {"TRYAGAIN Multiple keys request during rehashing of slot"},
	"MOVED":       {"MOVED 3999 127.0.0.1:6381"},
	"ASK":         {"ASK 3999 127.0.0.1:6381"},
	"WRONGPASS":   {"WRONGPASS invalid username-password pair or user is disabled.", "ERR WRONGPASS invalid username-password pair"},
	"NOAUTH": {
		"NOAUTH Authentication required.",
		"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used",
	},
	"NOPERM": {
		"NOPERM this user has no permissions to run the 'evalsha' command",
		"NOPERM User app has no permissions to run the 'config|get' command",
		"NOPERM No permissions to access a key",
	},
	"DENIED":     {"DENIED Redis is running in protected mode because protected mode is enabled and no password is set"},
	"MISCONF":    {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."},
	"OOM":        {"OOM command not allowed when used memory > 'maxmemory'.", "ERR Error running script (call to f_1): @user_script:9: -OOM command not allowed"},
	"NOREPLICAS": {"NOREPLICAS Not enough good replicas to write."},
	"BUSY":       {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."},

	"max number of clients reached":         {"ERR max number of clients reached", "ERR max number of clients + cluster connections reached"},
	"DB index is out of range":              {"ERR DB index is out of range"},
	"invalid DB index":                      {"ERR invalid DB index"},
	"SELECT is not allowed in cluster mode": {"ERR SELECT is not allowed in cluster mode"},
	"invalid password":                      {"ERR invalid password"},
	"no password is set":                    {"ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?", "ERR Client sent AUTH, but no password is set"},
	"unknown command":                       {"ERR unknown command 'EVALSHA', with args beginning with: 'READONLY ' '1' '13800000001'", "ERR unknown command `READONLY`, with args beginning with: "},
	"bad lua script for redis cluster":      {"ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array"},
}

// wrappings are what a reply is wrapped in on its way.
var wrappings = map[string]func(text string) error{
	"as it is":    func(text string) error { return reply(text) },
	"by fmt":      func(text string) error { return fmt.Errorf("follow: %w", reply(text)) },
	"joined":      func(text string) error { return errors.Join(errors.New("another"), reply(text)) },
	"by asynq":    func(text string) error { return errors.New("INTERNAL_ERROR: redis eval error: " + text) },
	"by go-redis": func(text string) error { return fmt.Errorf("failed to authenticate: %w", reply(text)) },
}

// TestEveryRefusalIsRecognised: by meaning, in whatever words and wrappings, with a sentence that
// has a remedy and repeats nothing.
func TestEveryRefusalIsRecognised(t *testing.T) {
	t.Parallel()
	for code, texts := range replies {
		for _, text := range texts {
			for name, wrap := range wrappings {
				got, is := Of(wrap(text))
				if !is || got.Code != code {
					t.Errorf("%q %s: %q, %t; want %q", text, name, got.Code, is, code)
				}
				if got.Says == "" || got.Remedy == "" || strings.Contains(got.Error(), "1380000") || strings.Contains(got.Error(), "f_8f1c") {
					t.Errorf("%q is told as %q", text, got.Error())
				}
			}
		}
	}
	for code := range byCode {
		if replies[code] == nil {
			t.Errorf("no reply of %s is tested", code)
		}
	}
	for _, row := range byWords {
		if replies[row.is.Code] == nil {
			t.Errorf("no reply of %q is tested", row.is.Code)
		}
	}
}

// TestWrongServers: other connections may lead elsewhere only where the server's role is what is
// wrong.
func TestWrongServers(t *testing.T) {
	t.Parallel()
	for code, texts := range replies {
		want := code == "READONLY" || code == "LOADING" || code == "MASTERDOWN"
		for _, text := range texts {
			if got := WrongServer(reply(text)); got != want {
				t.Errorf("%q leads to the wrong server: %t", text, got)
			}
		}
	}
}

// TestNoRefusals: answers, errors of the network, and replies that are about what was asked.
func TestNoRefusals(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		nil, redis.Nil, fmt.Errorf("x: %w", redis.Nil), redis.ErrNoScript, redis.ErrClosed, redis.TxFailedErr, errors.New("READONLY is what I am"),
		errors.New("dial tcp: lookup LOADING : no such host"), reply("WRONGTYPE Operation against a key holding the wrong kind of value"),
		reply("NOGROUP No such key"), reply("BUSYGROUP Consumer Group name already exists"), reply("BUSYKEY Target key name already exists."),
		reply("ERR value is not an integer or out of range"), reply("ERR wrong number of arguments for 'readonly' command"),
	} {
		if got, is := Of(err); is {
			t.Errorf("%v is taken for %s", err, got.Code)
		}
	}
}

// TestLasts: that a slot is elsewhere is a wrong setting of a client of one server, and passes for
// one of a cluster.
func TestLasts(t *testing.T) {
	t.Parallel()
	single, cluster := redis.NewClient(&redis.Options{}), redis.NewClusterClient(&redis.ClusterOptions{})
	t.Cleanup(func() { _, _ = single.Close(), cluster.Close() })
	for text, want := range map[string][2]bool{
		"MOVED 3999 127.0.0.1:6381": {true, false}, "ASK 3999 127.0.0.1:6381": {true, false},
		"NOPERM this user has no permissions": {true, true}, "LOADING Redis is loading the dataset in memory": {false, false},
	} {
		if got := [2]bool{Lasts(single, reply(text)), Lasts(cluster, reply(text))}; got != want {
			t.Errorf("%s lasts for one server and a cluster: %t, want %t", text, got, want)
		}
	}
	if Lasts(single, nil) || Lasts(single, redis.Nil) {
		t.Error("what is no refusal lasts")
	}
}

// TestCauseLeavesOutAsynqsWords: an error of the network stays what it is.
func TestCauseLeavesOutAsynqsWords(t *testing.T) {
	t.Parallel()
	network := errors.New("dial tcp 127.0.0.1:1: connect: connection refused")
	command := asynqError{"redis command error: SADD failed: " + network.Error(), network}
	for _, err := range []error{network, command, fmt.Errorf("UNKNOWN: %w", command), errors.New("INTERNAL_ERROR: redis eval error: " + network.Error())} {
		cause := Cause(err)
		if cause.Error() != network.Error() {
			t.Errorf("%v: %v", err, cause)
		}
		if errors.Is(err, network) && !errors.Is(cause, network) {
			t.Errorf("%v: the cause is another error", err)
		}
	}
}

// asynqError is asynq's own type, which nobody else can name.
type asynqError struct {
	text  string
	cause error
}

func (e asynqError) Error() string { return e.text }
func (e asynqError) Unwrap() error { return e.cause }
