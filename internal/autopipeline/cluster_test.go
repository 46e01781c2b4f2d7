package autopipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// startNode starts a Redis that belongs to a cluster, whose nodes talk to each other on a port below those of all tests.
func startNode(t *testing.T) (server *redistest.Server, bus string) {
	t.Helper()
	for {
		bus = strconv.Itoa(2000 + rand.IntN(8000))
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", bus)); err == nil {
			_ = listener.Close()
			return redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", bus), bus
		}
	}
}

// startCluster starts a cluster of three nodes without replicas.
func startCluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	const nodes, slots = 3, 16384
	var addrs, buses []string
	for i := range nodes {
		server, bus := startNode(t)
		buses = append(buses, bus)
		addrs = append(addrs, server.Addr)
		node := server.Client(t)
		first, last := i*slots/nodes, (i+1)*slots/nodes-1
		if err := node.ClusterAddSlotsRange(t.Context(), first, last).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(addrs[0])
		node.Do(t.Context(), "CLUSTER", "MEET", host, port, buses[0])
		redistest.Poll(t, within, "the nodes to meet", func(ctx context.Context) error {
			info := node.ClusterInfo(ctx).Val()
			if !strings.Contains(info, fmt.Sprint("cluster_known_nodes:", i+1)) || i == nodes-1 && !strings.Contains(info, "cluster_state:ok") {
				return errors.New("not yet")
			}
			return nil
		})
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	redistest.Poll(t, within, "every node to know the cluster", func(ctx context.Context) error {
		return client.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
			if !strings.Contains(node.ClusterInfo(ctx).Val(), "cluster_state:ok") {
				return errors.New("not yet")
			}
			return nil
		})
	})
	return client
}

// TestCluster: commands of many slots share; each goes to its node, and each caller gets its own reply or error.
func TestCluster(t *testing.T) {
	t.Parallel()
	client := startCluster(t)
	hook := New(client)
	client.AddHook(hook)
	set := redis.NewScript(`redis.call('SET', KEYS[1], ARGV[1]); return ARGV[1]`)
	var calling sync.WaitGroup
	for i := range 300 {
		calling.Go(func() {
			key := fmt.Sprintf("{%d}", i)
			if got, err := set.Run(t.Context(), client, []string{key}, i).Int(); err != nil || got != i {
				t.Errorf("script %d: %d, %v", i, got, err)
			}
			if err := client.HSet(t.Context(), key, "f", "v").Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
				t.Errorf("hset %d: %v", i, err)
			}
			cmds, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				set.Eval(t.Context(), p, []string{key + "a"}, "first")
				set.EvalSha(t.Context(), p, []string{key + "b"}, "second")
				return nil
			})
			if err != nil || cmds[0].(*redis.Cmd).Val() != "first" || cmds[1].(*redis.Cmd).Val() != "second" {
				t.Errorf("group %d: %v, %v", i, cmds, err)
			}
		})
	}
	calling.Wait()
	// One with keys of several slots is refused, and spoils nothing.
	calling.Go(func() {
		if err := client.Eval(t.Context(), `return redis.call('GET', KEYS[2])`, []string{"{1}", "{2}"}).Err(); err == nil {
			t.Error("keys of two slots were taken")
		}
	})
	for i := range 50 {
		calling.Go(func() {
			if got, err := client.Eval(t.Context(), `return redis.call('GET', KEYS[1])`, []string{fmt.Sprintf("{%d}", i)}).Int(); err != nil || got != i {
				t.Errorf("get %d: %d, %v", i, got, err)
			}
		})
	}
	calling.Wait()
}
