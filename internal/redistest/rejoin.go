package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// rejoinedWithin is how long a server that comes back may take to be a replica: Sentinels wait for
// ten seconds before they make it one, and do nothing at all for half a minute after the machine
// stood still for two seconds.
const rejoinedWithin = 3 * time.Minute

// AwaitMaster waits until another server has taken a killed master's place, and returns it.
func (s *Sentinels) AwaitMaster(tb testing.TB, killed *Server) *Server {
	tb.Helper()
	var master *Server
	Poll(tb, rejoinedWithin, "another master", func(ctx context.Context) error {
		if master = s.Master(tb); master == killed { //nolint:contextcheck // it has a deadline of its own
			return fmt.Errorf(
				"not yet; %d Sentinels have stopped for a machine that stood still",
				s.tilted(ctx),
			)
		}
		return nil
	})
	return master
}

// tilted counts the Sentinels that trust their clock no longer, and wait.
func (s *Sentinels) tilted(ctx context.Context) (n int) {
	for _, sentinel := range s.sentinels {
		client := sentinel.newClient()
		if !strings.Contains(client.Info(ctx, "sentinel").Val(), "sentinel_tilt:0") {
			n++
		}
		_ = client.Close()
	}
	return n
}

// Rejoin waits until another server has taken a killed master's place, starts it again, and waits
// until it follows that one, as all others do. Which one that is may change meanwhile, on a machine
// so busy that a master is taken for dead.
func (s *Sentinels) Rejoin(tb testing.TB, killed *Server) {
	tb.Helper()
	s.AwaitMaster(tb, killed)
	killed.Restart(tb)
	Poll(tb, rejoinedWithin, "all replicas to follow the new master", func(ctx context.Context) error {
		client := s.Master(tb).newClient() //nolint:contextcheck // it has a deadline of its own
		defer func() { _ = client.Close() }()
		text := client.Info(ctx, "replication").Val()
		if n := strings.Count(text, "state=online"); n != replicas {
			return fmt.Errorf(
				"%d do; %d Sentinels have stopped for a machine that stood still",
				n,
				s.tilted(ctx),
			)
		}
		return s.complete(ctx)
	})
}

// TakeForDeadAfter sets how long a master may be silent, a second by default.
func (s *Sentinels) TakeForDeadAfter(tb testing.TB, d time.Duration) {
	tb.Helper()
	for _, client := range s.clients {
		ms := strconv.FormatInt(d.Milliseconds(), 10)
		set := client.Set(context.Background(), masterName, "down-after-milliseconds", ms)
		if err := set.Err(); err != nil {
			tb.Fatal(err)
		}
	}
}

// Owner is the master that most of the cluster takes for the owner of a key's slot. The cluster has
// to be whole, or about to be.
func (c *Cluster) Owner(tb testing.TB, key string) *Server {
	tb.Helper()
	var owner *Server
	Poll(tb, rejoinedWithin, "the owner of a slot", func(ctx context.Context) error {
		votes := map[*Server]int{}
		for _, server := range c.alive() {
			if of := c.ownerSaid(ctx, server, key); of != nil {
				votes[of]++
			}
		}
		for server, n := range votes {
			if 2*n > len(c.Servers) && server.cmd != nil {
				owner = server
				return nil
			}
		}
		return errors.New("no majority")
	})
	return owner
}

func (c *Cluster) alive() (servers []*Server) {
	for _, server := range c.Servers {
		if server.cmd != nil {
			servers = append(servers, server)
		}
	}
	return servers
}

// ownerSaid is the owner that one node tells, nil where it tells none.
func (c *Cluster) ownerSaid(ctx context.Context, asked *Server, key string) *Server {
	client := asked.newClient()
	defer func() { _ = client.Close() }()
	slot := int(client.ClusterKeySlot(ctx, key).Val())
	for _, r := range client.ClusterSlots(ctx).Val() { //nolint:staticcheck // what clients ask for
		if r.Start <= slot && slot <= r.End && len(r.Nodes) > 0 {
			return c.byID(ctx, r.Nodes[0].ID)
		}
	}
	return nil
}

// byID finds a node by what it is called in the cluster, which a restart does not change.
func (c *Cluster) byID(ctx context.Context, id string) *Server {
	if c.ids == nil {
		c.ids = map[string]*Server{}
	}
	if c.ids[id] == nil {
		for _, server := range c.alive() {
			client := server.newClient()
			c.ids[client.ClusterMyID(ctx).Val()] = server
			_ = client.Close()
		}
	}
	return c.ids[id]
}

// KillOwner ends the master that has a key's slot as a crash would, and returns it. Its replica
// takes its place in some seconds.
func (c *Cluster) KillOwner(tb testing.TB, key string) *Server {
	tb.Helper()
	owner := c.Owner(tb, key)
	owner.Kill()
	return owner
}

// Rejoin waits until a killed master's replica has taken its place, starts it again, and waits
// until it follows that one, and all know it. One that came back earlier would still be the master,
// with nothing in it.
func (c *Cluster) Rejoin(tb testing.TB, killed *Server) {
	tb.Helper()
	for _, server := range c.alive() {
		client := server.Client(tb)
		Poll(tb, rejoinedWithin, server.Addr+" to know the new master", func(ctx context.Context) error {
			ranges, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // what clients ask for
			if err != nil {
				return err
			}
			for _, r := range ranges {
				if c.byID(ctx, r.Nodes[0].ID) == killed {
					return errors.New("not yet")
				}
			}
			return nil
		})
	}
	killed.Restart(tb)
	c.pollWhole(tb)
}

// pollWhole waits until each node tells of three masters that have all slots, and of a replica of
// each that follows it.
func (c *Cluster) pollWhole(tb testing.TB) {
	tb.Helper()
	for _, server := range c.Servers {
		client := server.Client(tb)
		Poll(
			tb,
			rejoinedWithin,
			server.Addr+" to be whole, and know that all are",
			func(ctx context.Context) error {
				if text := client.Info(ctx, "replication").
					Val(); !strings.Contains(text, "state=online") &&
					!strings.Contains(text, "master_link_status:up") {
					return errors.New("it neither follows nor is followed")
				}
				return wholeIn(ctx, client)
			},
		)
	}
}

func wholeIn(ctx context.Context, client *redis.Client) error {
	ranges, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // what clients ask for
	if err != nil {
		return err
	}
	served, owners := 0, map[string]bool{}
	for _, r := range ranges {
		if len(r.Nodes) != 2 {
			return fmt.Errorf("%d nodes serve %d-%d", len(r.Nodes), r.Start, r.End)
		}
		served += r.End - r.Start + 1
		owners[r.Nodes[0].ID] = true
	}
	if served != slots || len(owners) != masters {
		return fmt.Errorf("%d masters serve %d slots", len(owners), served)
	}
	return nil
}

// Announce has each node tell that it is reached at another port of the loopback interface, and
// keep to it after a restart.
func (c *Cluster) Announce(tb testing.TB, portOf func(*Server) string) {
	tb.Helper()
	announced := map[int]bool{}
	for _, server := range c.Servers {
		port := portOf(server)
		n, err := strconv.Atoi(port)
		if err != nil {
			tb.Fatal(err)
		}
		announced[n] = true
		server.args = append(server.args, "--cluster-announce-port", port)
		if err := server.Client(tb).
			ConfigSet(context.Background(), "cluster-announce-port", port).
			Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for _, server := range c.Servers {
		client := server.Client(tb)
		Poll(
			tb,
			rejoinedWithin,
			server.Addr+" to know where the others are reached",
			func(ctx context.Context) error {
				for _, r := range client.ClusterSlots(ctx).Val() { //nolint:staticcheck // what clients ask for
					for _, node := range r.Nodes {
						_, port, _ := strings.Cut(node.Addr, ":")
						if n, _ := strconv.Atoi(port); !announced[n] {
							return fmt.Errorf("it tells of %s", node.Addr)
						}
					}
				}
				return wholeIn(ctx, client)
			},
		)
	}
	c.pollWhole(tb)
}
