package redistest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// masters is how many a cluster with replicas has.
const masters = 3

// Cluster is one of three masters, and a replica of each.
type Cluster struct {
	Servers []*Server // the masters at the start, then their replicas in the same order

	ids map[string]*Server // by what they are called in the cluster
}

// StartCluster starts a cluster that ends with the test, and waits until every node knows it. Where
// no redis-server is installed it is as with [Start]. The arguments are for each node.
func StartCluster(tb testing.TB, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{Servers: startNodes(
		tb,
		2*masters,
		masters,
		append(
			[]string{"--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"},
			args...)...)}
	for i, replica := range c.Servers[masters:] {
		c.replicate(tb, c.Servers[i], replica)
	}
	for _, server := range c.Servers {
		server.pollCluster(tb, "cluster_state:ok")
	}
	c.pollKnown(tb)
	return c
}

// replicate makes a node a replica of another, once it knows that one.
func (*Cluster) replicate(tb testing.TB, master, replica *Server) {
	tb.Helper()
	id, err := master.Client(tb).ClusterMyID(tb.Context()).Result()
	if err != nil {
		tb.Fatal(err)
	}
	client := replica.Client(tb)
	Poll(
		tb,
		startWithin,
		"a node to become a replica",
		func(ctx context.Context) error { return client.ClusterReplicate(ctx, id).Err() },
	)
	Poll(tb, startWithin, "a replica to follow", func(ctx context.Context) error {
		if !strings.Contains(client.Info(ctx, "replication").Val(), "master_link_status:up") {
			return errors.New("not yet")
		}
		return nil
	})
}

func (s *Server) pollCluster(tb testing.TB, says string) {
	tb.Helper()
	client := s.Client(tb)
	Poll(tb, startWithin, s.Addr+" to say "+says, func(ctx context.Context) error {
		if !strings.Contains(client.ClusterInfo(ctx).Val(), says) {
			return errors.New("not yet")
		}
		return nil
	})
}

// pollKnown waits until each node tells clients of each master and replica.
func (c *Cluster) pollKnown(tb testing.TB) {
	tb.Helper()
	for _, server := range c.Servers {
		client := server.Client(tb)
		Poll(tb, startWithin, server.Addr+" to know all roles", func(ctx context.Context) error {
			ranges, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // what clients ask for
			if err != nil {
				return err
			}
			nodes := 0
			for _, r := range ranges {
				nodes += len(r.Nodes)
			}
			if len(ranges) != masters || nodes != len(c.Servers) {
				return fmt.Errorf("%d ranges, %d nodes", len(ranges), nodes)
			}
			return nil
		})
	}
}

// Nodes are the addresses of all nodes, as host:port,host:port.
func (c *Cluster) Nodes() string { return strings.Join(Masters(c.Servers).Addrs(), ",") }

// Client returns a client of the cluster that ends with the test.
func (c *Cluster) Client(tb testing.TB) *redis.ClusterClient {
	tb.Helper()
	return Masters(c.Servers[:masters]).Client(tb)
}
