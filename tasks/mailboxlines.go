package tasks

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// lineWithin is how long whoever begins to wait waits for a subscription to be in force. One that comes later has all read again.
	lineWithin = time.Second
	// linePulse is after how much silence a node is asked whether it is there.
	linePulse = 3 * time.Second
	// linePause is before a subscription is made anew.
	linePause = 200 * time.Millisecond
)

// lines are subscriptions to a cluster's sharded channels, each on the node that has the channel's slot: made when the first comes who
// waits for an id of it, and kept. There are as many as the index has shards, at most. A nil lines has none.
type lines struct {
	cluster *redis.ClusterClient
	mailbox *mailbox
	ctx     context.Context //nolint:containedctx // of their goroutines
	stop    context.CancelFunc

	mu      sync.Mutex
	ready   map[string]chan struct{} // by channel; closed once it is in force, or never will be
	hearing sync.WaitGroup
}

func newLines(cluster *redis.ClusterClient, m *mailbox) *lines {
	ctx, stop := context.WithCancel(context.Background())
	return &lines{cluster: cluster, mailbox: m, ctx: ctx, stop: stop, ready: map[string]chan struct{}{}}
}

// await waits for the subscriptions that ids need, for a while.
func (l *lines) await(ctx context.Context, ids []string) {
	if l == nil {
		return
	}
	patience := time.NewTimer(lineWithin)
	defer patience.Stop()
	for _, ready := range l.open(ids) {
		select {
		case <-ready:
		case <-patience.C:
			return
		case <-l.ctx.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

func (l *lines) open(ids []string) (readies []<-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		channel := record.ShardChannel(id)
		ready, known := l.ready[channel]
		if !known && l.ctx.Err() == nil {
			ready = make(chan struct{})
			l.ready[channel] = ready
			l.hearing.Go(func() { l.keep(channel, ready) })
		}
		if ready != nil {
			readies = append(readies, ready)
		}
	}
	return readies
}

// close ends the subscriptions.
func (l *lines) close() {
	if l == nil {
		return
	}
	l.mu.Lock() // nobody opens another
	l.stop()
	l.mu.Unlock()
	l.hearing.Wait()
}

// keep hears a channel until the end, or for as long as Redis knows of such channels. go-redis alone would stay with a node that
// no longer has the slot, and after a failover knock at the dead one until something else asks where the slots are.
func (l *lines) keep(channel string, ready chan struct{}) {
	confirmed := sync.OnceFunc(func() { close(ready) })
	defer confirmed()
	for l.ctx.Err() == nil {
		err := l.hear(channel, func() {
			confirmed()
			l.mailbox.wakeChannel(channel)
		})
		if record.IsUnknownCommand(err) {
			return
		}
		l.cluster.ReloadState(l.ctx)
		select {
		case <-l.ctx.Done():
		case <-time.After(linePause):
		}
	}
}

// hear hears one subscription until it breaks.
func (l *lines) hear(channel string, confirmed func()) error {
	pubsub := l.cluster.SSubscribe(l.ctx, channel)
	defer func() { _ = pubsub.Close() }()
	defer context.AfterFunc(l.ctx, func() { _ = pubsub.Close() })()
	asked := false
	for {
		event, err := pubsub.ReceiveTimeout(l.ctx, linePulse)
		if timeout, is := errors.AsType[net.Error](err); is && timeout.Timeout() && !asked {
			asked = true
			if err = pubsub.Ping(l.ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		asked = false
		switch event := event.(type) {
		case *redis.Subscription:
			if event.Kind != "ssubscribe" { // the slot has moved
				return nil
			}
			confirmed()
		case *redis.Message:
			l.mailbox.wake(record.WokenBy(event.Payload)...)
		}
	}
}

// doubt is when what is still waited for is read again although nobody has told of it; never where Redis is no cluster.
func (m *mailbox) doubt(after time.Duration) <-chan time.Time {
	if m.lines == nil {
		return nil
	}
	return time.After(after)
}
