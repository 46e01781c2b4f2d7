package record

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// wakeWithin bounds one round trip of wake-ups. What it leaves out, those who wait find when they
// read again.
const wakeWithin = time.Second

// Channel carries a wake-up for every outcome of a client's database: its state, a space, and the
// task's id.
func Channel(client redis.UniversalClient) string { return InDatabase(client, "dypls:finished") }

// InDatabase is the name under which something is published for those in the client's own database:
// what is published, Redis passes on to clients of every database.
func InDatabase(client redis.UniversalClient, channel string) string {
	if single, is := client.(*redis.Client); is && single.Options().DB != 0 {
		return fmt.Sprintf("%s:%d", channel, single.Options().DB)
	}
	return channel // a cluster has one database
}

// ShardChannel carries a cluster's wake-ups for the ids of one shard of the index, in its slot:
// each line of a message is what [Channel] carries. A cluster passes what is published on an
// ordinary channel on to all of its nodes, whoever listens, and what is published on this one to
// the replicas of one.
func ShardChannel(id string) string { return fmt.Sprintf("dypls:finished:{%02x}", shardOf(id)) }

// wakeUps is how a cluster's are published. A script cannot do it, whose record is in another slot
// than the channel.
type wakeUps struct {
	cluster   *redis.ClusterClient
	unsharded atomic.Bool // Redis is older than 7
}

// WithShardedWakeUps returns a store that wakes those who wait on [ShardChannel], where Redis is a
// cluster that has it.
func (s Store) WithShardedWakeUps() Store {
	if cluster, is := s.redis.(*redis.ClusterClient); is {
		s.wakeUps = &wakeUps{cluster: cluster}
	}
	return s
}

// channel is what a script publishes on, "" for nothing.
func (s Store) channel() string {
	if s.wakeUps != nil {
		return ""
	}
	return Channel(s.redis)
}

// Wake wakes those who wait for outcomes, where scripts do not.
func (s Store) Wake(ctx context.Context, told []Open) error {
	if s.wakeUps == nil || len(told) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, wakeWithin)
	defer cancel()
	if !s.wakeUps.unsharded.Load() {
		unknown, err := s.wakeUps.sharded(ctx, told)
		if !unknown {
			return err
		}
		s.wakeUps.unsharded.Store(true)
	}
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, o := range told {
			p.Publish(ctx, Channel(s.redis), wakeUp(o))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: wake: %w", err)
	}
	return nil
}

// sharded reports whether Redis does not know how to.
func (w *wakeUps) sharded(ctx context.Context, told []Open) (unknown bool, err error) {
	messages := map[string][]string{}
	for _, o := range told {
		channel := ShardChannel(o.ID)
		messages[channel] = append(messages[channel], wakeUp(o))
	}
	cmds, err := w.cluster.Pipelined(ctx, func(p redis.Pipeliner) error {
		for channel, lines := range messages {
			p.SPublish(ctx, channel, strings.Join(lines, "\n"))
		}
		return nil
	})
	for _, cmd := range cmds {
		if IsUnknownCommand(cmd.Err()) {
			return true, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("record: wake: %w", err)
	}
	return false, nil
}

func wakeUp(o Open) string { return string(o.State) + " " + o.ID }

// WokenBy returns the ids of those whom a message wakes.
func WokenBy(message string) (ids []string) {
	for line := range strings.SplitSeq(message, "\n") {
		if _, id, found := strings.Cut(line, " "); found {
			ids = append(ids, id)
		}
	}
	return ids
}

// IsUnknownCommand reports whether Redis is too old for a command.
func IsUnknownCommand(err error) bool { return redis.HasErrorPrefix(err, "ERR unknown command") }
