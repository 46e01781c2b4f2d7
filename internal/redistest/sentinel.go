package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masterName       = "main"
	redisPassword    = "of-redis"
	sentinelPassword = "of-sentinels"
	quorum           = 2
	watching         = 3
	replicas         = 2
	promotedWithin   = 60 * time.Second
)

// Sentinels are a master, two replicas, and three Sentinels that take a master for dead after a
// second. Applications log in to Redis as app and to the Sentinels as sam, each with a password.
type Sentinels struct {
	Servers   []*Server // the first is the master at the start
	sentinels []*Server
	clients   []*redis.SentinelClient
}

// StartSentinel starts all of them, and waits until they know each other. They end with the test.
// Where no redis-server is installed it is as with [Start]. The arguments are for the master and
// the replicas.
func StartSentinel(tb testing.TB, args ...string) *Sentinels {
	tb.Helper()
	s := &Sentinels{}
	args = append([]string{
		"--requirepass", redisPassword, "--masterauth", redisPassword, "--repl-diskless-sync-delay", "0",
		"--user", "app", "on", ">" + redisPassword, "~*", "&*", "+@all",
	}, args...)
	options := redis.Options{Password: redisPassword}
	master := startWith(tb, options, args...)
	s.Servers = []*Server{master}
	host, port, _ := net.SplitHostPort(master.Addr)
	for range replicas {
		s.Servers = append(
			s.Servers,
			startWith(tb, options, append([]string{"--replicaof", host, port}, args...)...),
		)
	}
	client := master.Client(tb)
	Poll(tb, startWithin, "the replicas to follow", func(ctx context.Context) error {
		text := client.Info(ctx, "replication").Val()
		if strings.Count(text, "state=online") != replicas {
			return errors.New("not yet")
		}
		return nil
	})
	for range watching {
		s.watch(tb, host, port)
	}
	Poll(tb, startWithin, "the Sentinels to know each other", s.complete)
	return s
}

func (s *Sentinels) watch(tb testing.TB, host, port string) {
	tb.Helper()
	file, own := filepath.Join(tb.TempDir(), "sentinel.conf"), FreePort(tb)
	config := fmt.Sprintf(`port %s
bind 127.0.0.1
dir %s
logfile %s.log
requirepass %s
user sam on >%s ~* &* +@all
sentinel monitor %s %s %s %d
sentinel auth-pass %s %s
sentinel down-after-milliseconds %s 1000
sentinel failover-timeout %s 3000
`, own, filepath.Dir(file), file, sentinelPassword, sentinelPassword,
		masterName, host, port, quorum, masterName, redisPassword, masterName, masterName)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil { // it writes what it learns there
		tb.Fatal(err)
	}
	sentinel := start(
		tb,
		own,
		nil,
		redis.Options{Password: sentinelPassword},
		[]string{file, "--sentinel"},
	)
	client := redis.NewSentinelClient(
		&redis.Options{
			Addr:                  sentinel.Addr,
			Password:              sentinelPassword,
			MaxRetries:            -1,
			ContextTimeoutEnabled: true,
		},
	)
	tb.Cleanup(func() { _ = client.Close() })
	s.sentinels, s.clients = append(s.sentinels, sentinel), append(s.clients, client)
}

// complete reports whether each Sentinel knows all there is.
func (s *Sentinels) complete(ctx context.Context) error {
	for _, client := range s.clients {
		known, err := client.Master(ctx, masterName).Result()
		if err != nil {
			return err
		}
		if known["num-slaves"] != strconv.Itoa(replicas) ||
			known["num-other-sentinels"] != strconv.Itoa(watching-1) ||
			known["flags"] != "master" {
			return fmt.Errorf(
				"%s replicas, %s other Sentinels, %s",
				known["num-slaves"],
				known["num-other-sentinels"],
				known["flags"],
			)
		}
	}
	return nil
}

// URL is their redis-sentinel:// address, with both passwords.
func (s *Sentinels) URL() string {
	addrs := make([]string, len(s.sentinels))
	for i, sentinel := range s.sentinels {
		addrs[i] = sentinel.Addr
	}
	return fmt.Sprintf(
		"redis-sentinel://app:%s@%s/0?master=%s&sentinel_username=sam&sentinel_password=%s",
		redisPassword,
		strings.Join(addrs, ","),
		masterName,
		sentinelPassword,
	)
}

// Master is the server that most Sentinels take for the master.
func (s *Sentinels) Master(tb testing.TB) *Server {
	tb.Helper()
	var master *Server
	Poll(tb, promotedWithin, "a master", func(ctx context.Context) error {
		votes := map[string]int{}
		for _, client := range s.clients {
			addr, err := client.GetMasterAddrByName(ctx, masterName).Result()
			if err == nil {
				votes[net.JoinHostPort(addr[0], addr[1])]++
			}
		}
		for _, server := range s.Servers {
			if votes[server.Addr] >= quorum {
				master = server
				return nil
			}
		}
		return errors.New("no majority")
	})
	return master
}

// KillMaster ends the master as a crash would, and returns it. Another takes its place in some
// seconds; [Server.Restart] brings it back as a replica.
func (s *Sentinels) KillMaster(tb testing.TB) *Server {
	tb.Helper()
	master := s.Master(tb)
	master.Kill()
	return master
}

// SentinelAddr is the address of one of the Sentinels.
func (s *Sentinels) SentinelAddr() string { return s.sentinels[0].Addr }
