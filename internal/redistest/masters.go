package redistest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Masters are the nodes of a cluster without replicas. Each has as many slots as the next.
type Masters []*Server

// StartMasters starts a cluster that ends with the test.
func StartMasters(tb testing.TB, n int) Masters {
	tb.Helper()
	nodes := make(Masters, n)
	var host, port, firstBus string
	for i := range nodes {
		server, bus := startNode(tb)
		nodes[i] = server
		node := server.Client(tb)
		first, last := nodes.slots(i)
		if err := node.ClusterAddSlotsRange(tb.Context(), first, last).Err(); err != nil {
			tb.Fatal(err)
		}
		if i == 0 {
			host, port, _ = net.SplitHostPort(server.Addr)
			firstBus = bus
			continue
		}
		if err := node.Do(tb.Context(), "CLUSTER", "MEET", host, port, firstBus).Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for _, server := range nodes {
		node := server.Client(tb)
		Poll(tb, startWithin, "every node to know the cluster", func(ctx context.Context) error {
			info := node.ClusterInfo(ctx).Val()
			if !strings.Contains(info, fmt.Sprint("cluster_known_nodes:", n)) || !strings.Contains(info, "cluster_state:ok") {
				return errors.New("not yet")
			}
			return nil
		})
	}
	return nodes
}

// startNode starts a Redis that belongs to a cluster, whose nodes talk to each other on a port below those of all tests.
func startNode(tb testing.TB) (server *Server, bus string) {
	tb.Helper()
	for {
		bus = strconv.Itoa(2000 + rand.IntN(8000)) //nolint:mnd // below freePort's
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", bus)); err == nil {
			_ = listener.Close()
			return Start(tb, "--cluster-enabled", "yes", "--cluster-port", bus), bus
		}
	}
}

func (m Masters) slots(i int) (first, last int) { return i * slots / len(m), (i+1)*slots/len(m) - 1 }

// Addrs are the addresses of the nodes.
func (m Masters) Addrs() []string {
	addrs := make([]string, len(m))
	for i, node := range m {
		addrs[i] = node.Addr
	}
	return addrs
}

// Client returns a client of the cluster that ends with the test.
func (m Masters) Client(tb testing.TB) *redis.ClusterClient {
	tb.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: m.Addrs(), ContextTimeoutEnabled: true, MaxRetries: -1})
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// ClientBehind returns a client, with go-redis' own number of repetitions, that reaches the nodes at other addresses.
func (m Masters) ClientBehind(tb testing.TB, addrOf func(node *Server) string) *redis.ClusterClient {
	tb.Helper()
	table := make([]redis.ClusterSlot, len(m))
	for i, node := range m {
		first, last := m.slots(i)
		table[i] = redis.ClusterSlot{Start: first, End: last, Nodes: []redis.ClusterNode{{Addr: addrOf(node)}}}
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots:          func(context.Context) ([]redis.ClusterSlot, error) { return table, nil },
		ContextTimeoutEnabled: true,
	})
	tb.Cleanup(func() { _ = client.Close() })
	return client
}
