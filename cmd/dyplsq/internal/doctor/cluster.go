package doctor

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// servers are examinations of every master: each node of a cluster has settings, memory and a clock
// of its own.
func (e *examination) servers(ctx context.Context) ([]*examination, error) {
	cluster, is := e.Redis.(*redis.ClusterClient)
	if !is {
		return []*examination{e}, nil
	}
	var mu sync.Mutex
	var nodes []*examination
	err := cluster.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		one := *e
		one.Redis, one.node = master, master.Options().Addr
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, &one)
		return nil
	})
	if err != nil {
		return nil, tasks.RedisError(err)
	}
	slices.SortFunc(nodes, func(a, b *examination) int { return cmp.Compare(a.node, b.node) })
	return nodes, nil
}
