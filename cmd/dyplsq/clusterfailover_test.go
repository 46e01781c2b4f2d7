package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// lossOfReplies: one reply in so many is lost, with its connection. The load makes some thousand a second.
	lossOfReplies = 0.002
	// unevenAtMost is how far a master's share of the load may be from the others', where queues are in shards.
	unevenAtMost = 0.2
)

// flakyCluster is a cluster whose nodes are all reached through proxies that can lose replies.
type flakyCluster struct {
	*redistest.Cluster

	proxies map[*redistest.Server]*redistest.Flaky
}

func startFlakyCluster(t *testing.T) *flakyCluster {
	t.Helper()
	c := &flakyCluster{Cluster: redistest.StartCluster(t), proxies: map[*redistest.Server]*redistest.Flaky{}}
	for _, server := range c.Servers {
		c.proxies[server] = redistest.StartFlaky(t, server.Addr)
	}
	c.Announce(t, func(server *redistest.Server) string { return c.proxies[server].Port() })
	return c
}

func (c *flakyCluster) config() tasks.RedisConfig {
	addrs := make([]string, 0, len(c.Servers))
	for _, server := range c.Servers {
		addrs = append(addrs, c.proxies[server].Addr)
	}
	return tasks.RedisConfig{ClusterNodes: strings.Join(addrs, ",")}
}

func (c *flakyCluster) lose(share float64) {
	for _, proxy := range c.proxies {
		proxy.Lose(share)
	}
}

func (c *flakyCluster) lost() (n int64) {
	for _, proxy := range c.proxies {
		n += proxy.Lost()
	}
	return n
}

// other is a master that does not have a key's slot.
func (c *flakyCluster) other(t *testing.T, key string) (owner, other *redistest.Server) {
	t.Helper()
	owner = c.Owner(t, key)
	for n := 0; other == nil || other == owner; n++ {
		other = c.Owner(t, strconv.Itoa(n))
	}
	return owner, other
}

// queueKey is in the slot of asynq's queue of binds, or of a shard of it.
func queueKey(sharded bool) string {
	if sharded {
		return "asynq:{bind.0}"
	}
	return "asynq:{bind}"
}

// moveQueue moves the slot of the queue of binds, a hundred keys at a time, while it is worked on.
func (c *flakyCluster) moveQueue(t *testing.T, key string) {
	t.Helper()
	const atOnce = 100
	started, keys := time.Now(), 0
	owner, other := c.other(t, key)
	move := redistest.StartSlotMove(t, owner, other, key)
	for n := move.MoveKeys(t, atOnce); n > 0; n = move.MoveKeys(t, atOnce) {
		keys += n
	}
	move.Finish(t)
	t.Logf("the queue's slot moved, with %d keys, in %s", keys, time.Since(started).Round(time.Millisecond))
}

// moveRecords moves slots of tasks that are just about to be enqueued, each so slowly that it is created, called for and settled meanwhile.
func (c *flakyCluster) moveRecords(t *testing.T, l *load, slots int) {
	t.Helper()
	moved := 0
	for range slots {
		id := jobID(l.taken.Load() + int64(l.rate)/4)
		owner, other := c.other(t, record.Key(id))
		move := redistest.StartSlotMove(t, owner, other, record.Key(id))
		redistest.Poll(t, failoverSettledIn, id+" to be enqueued", func(context.Context) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.acknowledged[id].IsZero() {
				return errors.New("not yet")
			}
			return nil
		})
		for n := move.MoveKeys(t, 1); n > 0; n = move.MoveKeys(t, 1) {
			moved += n
		}
		move.Finish(t)
	}
	t.Logf("%d slots of records moved, with %d keys of earlier tasks", slots, moved)
}

// commands are how many each server has processed.
func (c *flakyCluster) commands(t *testing.T) map[*redistest.Server]int {
	t.Helper()
	counts := map[*redistest.Server]int{}
	for _, server := range c.Servers[:len(c.Servers)/2] {
		_, text, _ := strings.Cut(server.Client(t).Info(t.Context(), "stats").Val(), "total_commands_processed:")
		text, _, _ = strings.Cut(text, "\r\n")
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		counts[server] = n
	}
	return counts
}

// sayBalance tells how the load is shared out among the masters, and where queues are in shards, that it is evenly.
func (c *flakyCluster) sayBalance(t *testing.T, before map[*redistest.Server]int, sharded bool) {
	t.Helper()
	sum, counts := 0, c.commands(t)
	for server := range counts {
		counts[server] -= before[server]
		sum += counts[server]
	}
	var shares []string
	uneven := false
	for _, server := range c.Servers[:len(c.Servers)/2] {
		share := float64(counts[server]*len(counts)) / float64(sum)
		shares = append(shares, fmt.Sprintf("%d (%.0f %% of the mean)", counts[server], 100*share))
		uneven = uneven || share < 1-unevenAtMost || share > 1+unevenAtMost
	}
	t.Logf("commands processed by the masters: %s", strings.Join(shares, ", "))
	if sharded && uneven {
		t.Errorf("the load is not shared out evenly")
	}
}

// knowsShards tells whether a worker can share a queue out among several slots.
func knowsShards(t *testing.T) bool {
	t.Helper()
	return strings.Contains(dyplsq(t, cleanEnv(), "", "worker", "--help").out, "--shards")
}

// TestFailoverCluster: three masters, a replica of each. Slots of the queue and of records are moved under load, replies of all nodes are lost, and
// masters are killed, the queue's first. With the replica waited for nothing that was acknowledged or told is lost, and nothing is bound twice.
func TestFailoverCluster(t *testing.T) {
	form := formOfFailover(t)
	t.Parallel()
	site := startFlakyCluster(t)
	var env []string
	sharded := knowsShards(t)
	queue := queueKey(sharded)
	if sharded {
		env = append(env, "DYPLSQ_SHARDS="+strconv.Itoa(form.shards))
	}
	l := newLoad(t, site.config(), form.rate, env...)
	l.start(t)
	l.calm(t, form.calm/2)
	before := site.commands(t)
	l.calm(t, form.calm)
	site.sayBalance(t, before, sharded)

	site.lose(lossOfReplies)
	l.calm(t, form.calm/2)
	site.moveRecords(t, l, form.slots)
	site.moveQueue(t, queue)
	l.calm(t, form.calm/2)
	for n := range form.kills {
		killed := site.KillOwner(t, []string{queue, record.Stream, queue}[n])
		l.killed()
		site.Rejoin(t, killed)
		l.calm(t, form.calm)
	}
	site.lose(0)
	outcomes := l.end(t)
	t.Logf("%d replies lost", site.lost())
	l.judge(t, outcomes)
}
