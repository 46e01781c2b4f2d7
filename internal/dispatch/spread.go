package dispatch

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// layoutFor is how long it is relied on which node has which shard.
const layoutFor = 5 * time.Second

// spread says which shard of a queue a task goes to: first, evenly, which of the masters that have
// shards of the queue, then, evenly, which of that master's shards. Where the shards' names lead
// them is chance, bind.1, bind.2 and bind.5 to one of three masters and bind.3 alone to another, so
// that shards of equal weight would make masters of unequal load.
//
// Whoever knows another layout for a while puts the same task elsewhere, as with another number of
// shards.
type spread struct {
	mu      sync.Mutex
	layouts map[string]layout // by queue
}

// layout is which shards are together on a node. A node goes by its lowest shard, so that a
// failover changes nothing.
type layout struct {
	nodes [][]int
	at    time.Time
}

func (s *spread) shard(
	ctx context.Context,
	client redis.UniversalClient,
	queue string,
	shards int,
	id string,
) int {
	const another = 0x9e3779b97f4a7c15 // so that the shard does not follow from the node
	hash := hashOf(id)
	nodes := s.nodes(ctx, client, queue, shards)
	node := nodes[jump(hash, len(nodes))]
	return node[jump(mix(hash^another), len(node))]
}

func (s *spread) nodes(
	ctx context.Context,
	client redis.UniversalClient,
	queue string,
	shards int,
) [][]int {
	s.mu.Lock()
	known, is := s.layouts[queue]
	if is && time.Since(known.at) < layoutFor {
		s.mu.Unlock()
		return known.nodes
	}
	if is { // the others go on with what is known meanwhile
		s.layouts[queue] = layout{nodes: known.nodes, at: time.Now()}
	}
	s.mu.Unlock()
	nodes := layOut(ctx, client, queue, shards)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layouts == nil {
		s.layouts = map[string]layout{}
	}
	s.layouts[queue] = layout{nodes: nodes, at: time.Now()}
	return nodes
}

// layOut asks nobody but the client, which knows a cluster's slots. Where it does not, or Redis is
// no cluster, all are as on one node.
func layOut(ctx context.Context, client redis.UniversalClient, queue string, shards int) [][]int {
	all := make([]int, shards)
	for i := range all {
		all[i] = i
	}
	cluster, is := client.(*redis.ClusterClient)
	if !is {
		return [][]int{all}
	}
	var nodes [][]int
	known := map[string]int{}
	for _, i := range all {
		master, err := cluster.MasterForKey(
			ctx,
			asynqwire.Queue(shardName(queue, i)).Key(asynqwire.Pending),
		)
		if err != nil {
			return [][]int{all}
		}
		addr := master.Options().Addr
		if _, is := known[addr]; !is {
			known[addr] = len(nodes)
			nodes = append(nodes, nil)
		}
		nodes[known[addr]] = append(nodes[known[addr]], i)
	}
	return slices.Clip(nodes)
}

// hashOf must stay as it is: every version spreads by it.
func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return mix(h.Sum64())
}

// mix spreads what FNV leaves in some bits over all of them (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// jump is the jump consistent hash of Lamping and Veach: another number of buckets moves as few ids
// as can be.
func jump(hash uint64, buckets int) int {
	var bucket, next int64 = 0, 0
	for next < int64(buckets) {
		bucket = next
		hash = hash*2862933555777941757 + 1
		next = int64(float64(bucket+1) * (float64(int64(1)<<31) / float64(hash>>33+1)))
	}
	return int(bucket)
}
