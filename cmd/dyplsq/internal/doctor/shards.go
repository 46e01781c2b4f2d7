package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
)

// shards: a queue is on one master, and what some put elsewhere than others costs every worker more
// polls.
func (e *examination) shards(ctx context.Context) ([]Finding, error) {
	set := max(e.Shards, 1)
	strange, err := e.strange(ctx, set)
	if err != nil {
		return nil, err
	}
	findings := []Finding{found("", "the tasks of each kind are spread over %d queues", set)}
	if set == 1 {
		findings[0] = found("", "the tasks of each kind are in one queue")
	}
	if cluster, is := e.Redis.(*redis.ClusterClient); is {
		nodes, err := e.servers(ctx)
		if err != nil {
			return nil, err
		}
		few, err := onFewerThan(ctx, cluster, set, len(nodes))
		switch {
		case err != nil:
			return nil, err
		case len(few) > 0:
			findings[0].Found += fmt.Sprintf(
				"; of the cluster's %d masters they are on %s",
				len(nodes),
				strings.Join(few, ", "),
			)
		}
		if len(few) > 0 && set > 1 {
			findings[0] = findings[0].but(
				Warning,
				"where the load matters raise DYPLSQ_SHARDS for all producers and workers, to two or more for each master",
			)
		}
	}
	if len(strange) > 0 {
		findings = append(
			findings,
			found("", "tasks in %s, not among the shards that are set here", list(strange)).
				but(Warning, "give all producers, workers and this command the same DYPLSQ_SHARDS; workers serve what is there"),
		)
	}
	return findings, nil
}

// strange are queues that hold tasks and are neither one of ours nor one of so many shards.
func (e *examination) strange(ctx context.Context, set int) ([]string, error) {
	needed, err := e.needed(ctx)
	if err != nil {
		return nil, err
	}
	queues := dispatch.Queues()
	return slices.DeleteFunc(needed, func(name string) bool {
		queue, _ := dispatch.QueueOf(name)
		return slices.Contains(queues, name) || slices.Contains(dispatch.ShardsOf(queue, set), name)
	}), nil
}

// onFewerThan tells of the queues whose shards leave masters out on how many they are.
func onFewerThan(
	ctx context.Context,
	cluster *redis.ClusterClient,
	set, masters int,
) (few []string, err error) {
	for _, queue := range dispatch.Queues() {
		on := map[string]bool{}
		for _, name := range dispatch.ShardsOf(queue, set) {
			master, err := cluster.MasterForKey(ctx, asynqwire.Queue(name).Key(asynqwire.Pending))
			if err != nil {
				return nil, err
			}
			on[master.Options().Addr] = true
		}
		if len(on) < masters {
			few = append(few, fmt.Sprintf("%d (%s)", len(on), queue))
		}
	}
	return few, nil
}
