package tasks

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// namesFor is how long the list of queues is relied on where a stale one costs no more than a second delivery.
const namesFor = 5 * time.Second

// ShardsOf returns the names of a queue's shards, and its own where it has one alone.
func ShardsOf(queue string, shards int) []string {
	if shards <= 1 {
		return []string{queue}
	}
	names := make([]string, shards)
	for i := range names {
		names[i] = shardName(queue, i)
	}
	return names
}

func shardName(queue string, shard int) string { return queue + "." + strconv.Itoa(shard) }

// QueueOf returns the queue that a name stands for, one of [Queues] or a shard of one, and whether it does.
func QueueOf(name string) (queue string, ours bool) {
	queue, shard, sharded := strings.Cut(name, ".")
	if !slices.Contains(Queues(), queue) {
		return "", false
	}
	if !sharded {
		return queue, true
	}
	n, err := strconv.ParseUint(shard, 10, 16)
	return queue, err == nil && strconv.FormatUint(n, 10) == shard // 07 is no shard
}

// Place returns the queue into which a task of one of [Queues] is put. Its latest delivery may be in another one, put there while the
// number of shards was another, or the cluster's slots were elsewhere.
func (q *Queue) Place(ctx context.Context, queue, id string) string {
	if q.shards <= 1 {
		return queue
	}
	return shardName(queue, q.spread.shard(ctx, q.redis, queue, q.shards, id))
}

// Elsewhere returns the queues beside its place in which a delivery of a task may be: the shards, and the queue without one, that
// are known on this Redis.
func (q *Queue) Elsewhere(ctx context.Context, queue, place string) ([]string, error) {
	names, err := q.names.get(ctx, q)
	if err != nil {
		return nil, err
	}
	others := make([]string, 0, len(names))
	for _, name := range names {
		if of, _ := QueueOf(name); of == queue && name != place {
			others = append(others, name)
		}
	}
	return others, nil
}

// holder returns the queue that holds a delivery, or may have held it: the task's place where none does.
func (q *Queue) holder(ctx context.Context, queue, id, delivery string) (string, error) {
	place := q.Place(ctx, queue, id)
	others, err := q.Elsewhere(ctx, queue, place)
	if err != nil || len(others) == 0 {
		return place, err
	}
	names := append([]string{place}, others...)
	there := make([]*redis.IntCmd, len(names))
	_, err = q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			there[i] = p.Exists(ctx, asynqwire.Queue(name).Task(delivery))
		}
		return nil
	})
	if err != nil {
		return place, q.unreachable(err)
	}
	for i, name := range names {
		if there[i].Val() == 1 {
			return name, nil
		}
	}
	return place, nil
}

// nameList is [Queue.Names], asked for now and then.
type nameList struct {
	mu    sync.Mutex
	names []string
	at    time.Time
}

func (l *nameList) get(ctx context.Context, q *Queue) ([]string, error) {
	l.mu.Lock()
	known := l.names
	if known != nil && time.Since(l.at) < namesFor {
		l.mu.Unlock()
		return known, nil
	}
	l.at = time.Now() // the others go on with what is known meanwhile
	l.mu.Unlock()
	names, err := q.Names(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names, l.at = names, time.Now()
	return names, nil
}

// sharesOf are the names among known that a queue, or one of its shards, goes by: itself and all its shards, or that shard.
func sharesOf(known []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(known), func(other string) bool {
		queue, _ := QueueOf(other)
		return other != name && queue != name
	})
}

// byShard orders the queues as [Queues] has them, then their shards, bind.2 before bind.10.
func byShard(a, b string) int {
	queueA, shardA, shardedA := strings.Cut(a, ".")
	queueB, shardB, shardedB := strings.Cut(b, ".")
	order := Queues()
	return cmp.Or(
		compareBool(shardedA, shardedB), cmp.Compare(slices.Index(order, queueA), slices.Index(order, queueB)),
		cmp.Compare(len(shardA), len(shardB)), cmp.Compare(shardA, shardB),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
