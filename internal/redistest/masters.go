package redistest

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

// slots is how many a cluster has.
const slots = 16384

// Masters are the nodes of a cluster without replicas. Each has as many slots as the next.
type Masters []*Server

// StartMasters starts a cluster that ends with the test, and waits until every node knows it. Where
// no redis-server is installed it is as with [Start].
func StartMasters(tb testing.TB, n int) Masters {
	tb.Helper()
	nodes := Masters(startNodes(tb, n, n))
	for _, node := range nodes {
		node.pollCluster(tb, "cluster_state:ok")
	}
	return nodes
}

// startNodes starts nodes that know each other. The first are masters, which share the slots out.
// The arguments are for each node.
func startNodes(tb testing.TB, n, ofMasters int, args ...string) []*Server {
	tb.Helper()
	require(tb)
	nodes := make([]*Server, n)
	for i := range nodes {
		nodes[i] = startWith(tb, redis.Options{}, append([]string{clusterEnabled, "yes"}, args...)...)
	}
	for i, node := range nodes {
		// Nodes of one epoch settle who is newer later, and then a slot that was moved meanwhile may move
		// back.
		if err := node.Client(tb).Do(tb.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for i, node := range nodes[:ofMasters] {
		first, last := Masters(nodes[:ofMasters]).slots(i)
		if err := node.Client(tb).ClusterAddSlotsRange(tb.Context(), first, last).Err(); err != nil {
			tb.Fatal(err)
		}
	}
	host, port, _ := net.SplitHostPort(nodes[0].Addr)
	for _, node := range nodes[1:] {
		if err := node.Client(tb).
			Do(tb.Context(), "CLUSTER", "MEET", host, port, nodes[0].bus).
			Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for _, node := range nodes {
		node.pollCluster(tb, fmt.Sprint("cluster_known_nodes:", n))
	}
	return nodes
}

// Owner returns the node that has a key at the start, and one that has not.
func (m Masters) Owner(tb testing.TB, key string) (owner, other *Server) {
	tb.Helper()
	slot := int(m[0].Client(tb).ClusterKeySlot(tb.Context(), key).Val())
	for i, node := range m {
		if first, last := m.slots(i); first <= slot && slot <= last {
			return node, m[(i+1)%len(m)]
		}
	}
	tb.Fatalf("no node has slot %d", slot)
	return nil, nil
}

func (m Masters) slots(i int) (first, last int) {
	return i * slots / len(m), (i+1)*slots/len(m) - 1
}

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
	client := redis.NewClusterClient(
		&redis.ClusterOptions{Addrs: m.Addrs(), ContextTimeoutEnabled: true, MaxRetries: -1},
	)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// ClientBehind returns a client, with go-redis' own number of repetitions, that reaches the nodes
// at other addresses.
func (m Masters) ClientBehind(
	tb testing.TB,
	addrOf func(node *Server) string,
) *redis.ClusterClient {
	tb.Helper()
	table := make([]redis.ClusterSlot, len(m))
	for i, node := range m {
		first, last := m.slots(i)
		table[i] = redis.ClusterSlot{
			Start: first,
			End:   last,
			Nodes: []redis.ClusterNode{{Addr: addrOf(node)}},
		}
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots:          func(context.Context) ([]redis.ClusterSlot, error) { return table, nil },
		ContextTimeoutEnabled: true,
	})
	tb.Cleanup(func() { _ = client.Close() })
	return client
}
