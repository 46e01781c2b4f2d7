package tasks

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// mailbox wakes those who wait for outcomes. All share one subscription, made when the first of them comes, and on a cluster some more.
type mailbox struct {
	redis redis.UniversalClient

	mu       sync.Mutex
	closed   bool
	pubsub   *redis.PubSub
	ready    chan struct{} // closed once the server has confirmed the subscription
	done     chan struct{} // closed when the goroutine that reads it has ended
	lines    *lines        // of a cluster; nil for one Redis
	watchers map[string]map[*watcher]struct{}
}

// watcher gathers the ids that its owner should read again.
type watcher struct {
	wake  chan struct{}   // holds one token while there is something to read
	ended <-chan struct{} // closed with the subscription: nothing will wake its owner any more

	mu    sync.Mutex
	stale []string
	all   bool // everything: the subscription was made anew, and wake-ups may have been missed
}

// errEnded: the queue, or the Redis client below it, was closed.
var errEnded = unreachable(redis.ErrClosed)

func newMailbox(client redis.UniversalClient) *mailbox {
	m := &mailbox{redis: client, watchers: map[string]map[*watcher]struct{}{}}
	if cluster, is := client.(*redis.ClusterClient); is {
		m.lines = newLines(cluster, m)
	}
	return m
}

// watch returns a watcher of ids, after the subscription is in force: what is read from then on misses nothing.
// Its owner must call stop.
func (m *mailbox) watch(ctx context.Context, ids []string) (w *watcher, stop func(), err error) {
	w = &watcher{wake: make(chan struct{}, 1)}
	m.mu.Lock()
	ready, err := m.subscribe(ctx)
	if err != nil {
		m.mu.Unlock()
		return nil, nil, err
	}
	w.ended = m.done
	for _, id := range ids {
		if m.watchers[id] == nil {
			m.watchers[id] = map[*watcher]struct{}{}
		}
		m.watchers[id][w] = struct{}{}
	}
	m.mu.Unlock()
	m.lines.await(ctx, ids)
	select {
	case <-ready:
		return w, func() { m.unwatch(w, ids) }, nil
	case <-w.ended:
		m.unwatch(w, ids)
		return nil, nil, errEnded
	case <-ctx.Done():
		m.unwatch(w, ids)
		return nil, nil, ctx.Err()
	}
}

func (m *mailbox) unwatch(w *watcher, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.watchers[id], w)
		if len(m.watchers[id]) == 0 {
			delete(m.watchers, id)
		}
	}
}

// subscribe makes the subscription unless there is one. It is called with the lock held.
func (m *mailbox) subscribe(ctx context.Context) (ready <-chan struct{}, err error) {
	if m.closed {
		return nil, errEnded
	}
	if m.pubsub != nil {
		return m.ready, nil
	}
	pubsub := m.redis.Subscribe(ctx)
	if err := pubsub.Subscribe(ctx, record.Channel); err != nil {
		_ = pubsub.Close()
		return nil, failure(ctx, err)
	}
	m.pubsub, m.ready, m.done = pubsub, make(chan struct{}), make(chan struct{})
	go m.read(pubsub.ChannelWithSubscriptions(redis.WithChannelSize(channelSize)), m.ready, m.done)
	return m.ready, nil
}

// channelSize is how many wake-ups may queue up while they are handed out, which never blocks.
const channelSize = 4096

// read hands out wake-ups until the subscription is closed. go-redis connects and subscribes again by itself.
func (m *mailbox) read(events <-chan any, ready, done chan struct{}) {
	defer close(done)
	defer m.lines.close()
	confirmed := false
	for event := range events {
		switch event := event.(type) {
		case *redis.Subscription:
			if !confirmed {
				confirmed = true
				close(ready)
				continue
			}
			m.wakeAll()
		case *redis.Message:
			m.wake(record.WokenBy(event.Payload)...)
		}
	}
}

func (m *mailbox) wake(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		for w := range m.watchers[id] {
			w.note(id, false)
		}
	}
}

// wakeChannel wakes everybody whose ids a channel tells of.
func (m *mailbox) wakeChannel(channel string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, watchers := range m.watchers {
		if record.ShardChannel(id) != channel {
			continue
		}
		for w := range watchers {
			w.note(id, false)
		}
	}
}

func (m *mailbox) wakeAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, watchers := range m.watchers {
		for w := range watchers {
			w.note("", true)
		}
	}
}

func (m *mailbox) close() error {
	m.mu.Lock()
	pubsub, done := m.pubsub, m.done
	m.closed, m.pubsub = true, nil
	m.mu.Unlock()
	if pubsub == nil {
		return nil
	}
	err := pubsub.Close()
	<-done
	return err
}

func (w *watcher) note(id string, all bool) {
	w.mu.Lock()
	if all {
		w.all = true
	} else {
		w.stale = append(w.stale, id)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what to read again: some ids, or all that are watched.
func (w *watcher) take() (ids []string, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids, all = w.stale, w.all
	w.stale, w.all = nil, false
	return ids, all
}
