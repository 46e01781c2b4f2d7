package failover

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
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// lossOfReplies: one reply in so many is lost, with its connection. The load makes some thousand a
	// second.
	lossOfReplies = 0.002
	// unevenAtMost is how far a master's share of the load may be from the others', where queues are
	// in shards.
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

// shardKey is in the slot of a shard of asynq's queue of binds.
const shardKey = "asynq:{bind.0}"

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

// moveRecords moves slots of tasks that are just about to be enqueued, each so slowly that it is
// created, called for and settled meanwhile.
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

// asked is what the masters have been asked, since a moment.
type asked struct {
	at       time.Time
	commands map[*redistest.Server]int
}

func (c *flakyCluster) asked(t *testing.T) asked {
	t.Helper()
	return asked{time.Now(), c.commands(t)}
}

// since is what was asked after an earlier moment, a second, by each master.
func (a asked) since(earlier asked) map[*redistest.Server]float64 {
	each := map[*redistest.Server]float64{}
	for server, n := range a.commands {
		each[server] = float64(n-earlier.commands[server]) / a.at.Sub(earlier.at).Seconds()
	}
	return each
}

// sayBalance tells how the load is shared out among the masters, and whether that is evenly: what
// they are asked a second less what idle workers ask, which is more than a short form's load.
func (c *flakyCluster) sayBalance(t *testing.T, idle, busy map[*redistest.Server]float64) {
	t.Helper()
	sum, counts := 0.0, map[*redistest.Server]float64{}
	for server := range busy {
		counts[server] = busy[server] - idle[server]
		sum += counts[server]
	}
	var shares []string
	uneven := false
	for _, server := range c.Servers[:len(c.Servers)/2] {
		share := counts[server] * float64(len(counts)) / sum
		shares = append(shares, fmt.Sprintf("%.0f (%.0f %% of the mean; %.0f when idle)", counts[server], 100*share, idle[server]))
		uneven = uneven || share < 1-unevenAtMost || share > 1+unevenAtMost
	}
	t.Logf("commands a second for tasks, by master: %s", strings.Join(shares, ", "))
	if uneven && systemtest.WholeScale() {
		t.Errorf("the load is not shared out evenly")
	}
}

// TestFailoverCluster: three masters, a replica of each. Slots of the queue and of records are
// moved under load, replies of all nodes are lost, and masters are killed, the queue's first. With
// the replica waited for nothing that was acknowledged or told is lost, and nothing is bound twice.
func TestFailoverCluster(t *testing.T) {
	form := formOfFailover(t)
	t.Parallel()
	site := startFlakyCluster(t)
	l := newLoad(t, site.config(), form.rate, form.shards)
	idling := site.asked(t)
	redistest.Poll(t, form.calm+systemtest.StartWithin, "an idle while to pass", systemtest.Passes(form.calm, time.Now()))
	idle := site.asked(t).since(idling)
	l.start(t)
	l.calm(t, form.calm/2)
	working := site.asked(t)
	l.calm(t, form.calm)
	site.sayBalance(t, idle, site.asked(t).since(working))

	site.lose(lossOfReplies)
	l.calm(t, form.calm/2)
	site.moveRecords(t, l, form.slots)
	site.moveQueue(t, shardKey)
	l.calm(t, form.calm/2)
	for n := range form.kills {
		killed := site.KillOwner(t, []string{shardKey, record.Stream, shardKey}[n])
		l.killed()
		site.Rejoin(t, killed)
		l.calm(t, form.calm)
	}
	site.lose(0)
	outcomes := l.end(t)
	t.Logf("%d replies lost", site.lost())
	l.judge(t, outcomes)
}
