package tasks

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/hearing"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// mailbox wakes those who wait for outcomes, so that they read: on a message of a line, and,
// whatever the lines say, when it looks again at what is waited for. All share the lines and the
// looks. Nothing is asked of Redis under its lock.
type mailbox struct {
	redis   redis.UniversalClient
	records record.Store
	channel string          // that every outcome may be told on
	ctx     context.Context //nolint:containedctx // of its goroutines
	stop    context.CancelFunc
	running sync.WaitGroup
	news    chan struct{} // holds one token while something may have been missed

	mu       sync.Mutex
	lines    map[string]bool // by channel: it is heard, or cannot be
	missed   map[string]bool // lines that came into force since the last look
	unread   []string        // ids that the last look could not read
	waiting  map[*watcher]struct{}
	watchers map[string]map[*watcher]struct{} // by id
}

// watcher gathers the ids that its owner should read again. The mailbox's lock guards it.
type watcher struct {
	wake  chan struct{} // holds one token while there is something to read
	ids   map[string]struct{}
	stale []string
	pause time.Duration // between two looks
	due   time.Time
}

// closeWithin is how long a close waits for what it ends.
const closeWithin = time.Second

// errEnded: the queue, or the Redis client below it, was closed.
var errEnded = unreachable(redis.ErrClosed)

func newMailbox(client redis.UniversalClient) *mailbox {
	ctx, stop := context.WithCancel(context.Background())
	return &mailbox{
		redis:    client,
		records:  record.NewStore(client),
		channel:  record.Channel(client),
		ctx:      ctx,
		stop:     stop,
		news:     make(chan struct{}, 1),
		lines:    map[string]bool{},
		missed:   map[string]bool{},
		waiting:  map[*watcher]struct{}{},
		watchers: map[string]map[*watcher]struct{}{},
	}
}

// watch returns a watcher of ids. Its owner reads them, then whenever it is woken, and must call
// unwatch. It waits for no line: when one comes into force, there is a look at what was missed.
func (m *mailbox) watch(ids []string) (*watcher, error) {
	w := &watcher{
		wake:  make(chan struct{}, 1),
		ids:   make(map[string]struct{}, len(ids)),
		pause: firstDoubt,
		due:   time.Now().Add(firstDoubt),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, errEnded
	}
	m.waiting[w] = struct{}{}
	for _, id := range ids {
		w.ids[id] = struct{}{}
		if m.watchers[id] == nil {
			m.watchers[id] = map[*watcher]struct{}{}
		}
		m.watchers[id][w] = struct{}{}
	}
	if len(m.lines) == 0 {
		m.running.Go(m.look)
	}
	m.listen(m.channel, false)
	if _, cluster := m.redis.(*redis.ClusterClient); cluster {
		for _, id := range ids {
			m.listen(record.ShardChannel(id), true)
		}
	}
	return w, nil
}

// listen opens a line unless it is open. It is called with the lock held.
func (m *mailbox) listen(channel string, sharded bool) {
	if m.lines[channel] {
		return
	}
	m.lines[channel] = true
	line := hearing.Line{
		Client: m.redis, Channels: []string{channel}, Sharded: sharded, InForce: m.inForce,
		Hear: func(message *redis.Message) { m.wake(record.WokenBy(message.Payload)...) },
	}
	m.running.Go(func() {
		if err := line.Keep(m.ctx); err == redis.ErrClosed { //nolint:errorlint // never wrapped
			m.stop()
		}
	})
}

func (m *mailbox) inForce(channel string) {
	m.mu.Lock()
	m.missed[channel] = true
	m.mu.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// forget ends the wait for one id.
func (m *mailbox) forget(w *watcher, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(w, id)
}

func (m *mailbox) unwatch(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range w.ids {
		m.drop(w, id)
	}
	delete(m.waiting, w)
}

func (m *mailbox) drop(w *watcher, id string) {
	delete(w.ids, id)
	delete(m.watchers[id], w)
	if len(m.watchers[id]) == 0 {
		delete(m.watchers, id)
	}
}

func (m *mailbox) wake(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		for w := range m.watchers[id] {
			w.stale = append(w.stale, id)
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}

// take returns what to read again.
func (m *mailbox) take(w *watcher) (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids, w.stale = w.stale, nil
	return ids
}

// close ends the lines and the looks. One that is in the middle of connecting to a server that does
// not answer ends a little later.
func (m *mailbox) close() {
	m.mu.Lock() // nobody opens another line
	m.stop()
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		m.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closeWithin):
	}
}
