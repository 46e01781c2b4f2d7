package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// feedKeeps is how many of the latest entries of a stream are kept for those who follow it.
	feedKeeps = 1024
	// feedReads is how many entries are read at once.
	feedReads = 200
	// feedBlocks is how long one read waits for news.
	feedBlocks = 2 * time.Second
	// feedAgain is when a read that failed is tried again.
	feedAgain = 500 * time.Millisecond
)

// source is a stream in Redis: what was told after an entry, and which entry is the latest.
type source[T any] struct {
	read    func(ctx context.Context, after string, most int, wait time.Duration) ([]T, error)
	latest  func(ctx context.Context) (string, error)
	entryOf func(T) string
}

// feed reads a stream for all who follow it in this process: one read that waits, however many they
// are. It reads while somebody follows.
type feed[T any] struct {
	source[T]

	mu     sync.Mutex
	users  int
	stop   context.CancelFunc
	news   chan struct{} // closed where there is more
	from   entry         // all that was told after it is in recent
	ready  bool          // from is known
	recent []T
}

func newFeed[T any](s source[T]) *feed[T] {
	return &feed[T]{source: s, news: make(chan struct{})}
}

// follow has the stream read until it is left.
func (f *feed[T]) follow() (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users++; f.users == 1 {
		ctx, stop := context.WithCancel(context.Background())
		f.stop, f.ready, f.recent = stop, false, nil
		go f.run(ctx)
	}
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.users--; f.users == 0 {
			f.stop()
		}
	})
}

// more is closed when there may be more than there was.
func (f *feed[T]) more() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.news
}

// run reads until ctx is done. An entry that it misses, because Redis is away, is read by whoever
// follows when it is back: the feed then begins anew.
func (f *feed[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.begin(ctx)
		for err == nil {
			err = f.round(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(feedAgain):
		}
	}
}

// begin keeps what is told from now on.
func (f *feed[T]) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, asked)
	defer cancel()
	latest, err := f.latest(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil { // another reader may run by now
		return ctx.Err()
	}
	f.from, f.ready, f.recent = parseEntry(latest), true, nil
	f.wake()
	return nil
}

// round waits for news, and keeps them.
func (f *feed[T]) round(ctx context.Context) error {
	f.mu.Lock()
	after := f.from
	if n := len(f.recent); n > 0 {
		after = parseEntry(f.entryOf(f.recent[n-1]))
	}
	f.mu.Unlock()
	found, err := f.read(ctx, after.String(), feedReads, feedBlocks)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(found) == 0 {
		return nil
	}
	f.recent = append(f.recent, found...)
	if over := len(f.recent) - feedKeeps; over > 0 {
		f.from = parseEntry(f.entryOf(f.recent[over-1]))
		f.recent = slices.Clone(f.recent[over:])
	}
	f.wake()
	return nil
}

// wake wakes all who wait for more. The caller holds the lock.
func (f *feed[T]) wake() {
	close(f.news)
	f.news = make(chan struct{})
}

// after returns what was told after an entry, and the entry up to which that is all there was. What
// is older than what is kept is read from Redis, without waiting.
func (f *feed[T]) after(ctx context.Context, cursor entry) ([]T, entry, error) {
	if found, kept := f.kept(cursor); kept {
		return found, f.last(found, cursor), nil
	}
	f.mu.Lock()
	from, ready := f.from, f.ready
	f.mu.Unlock()
	found, err := f.read(ctx, cursor.String(), feedReads, 0)
	if err == nil && len(found) == 0 && ready && cursor.before(from) {
		return nil, from, nil // nothing is between the two
	}
	return found, f.last(found, cursor), err
}

// kept returns what is kept after an entry, unless that began later.
func (f *feed[T]) kept(cursor entry) (found []T, is bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready || cursor.before(f.from) {
		return nil, false
	}
	at, _ := slices.BinarySearchFunc(f.recent, cursor, func(one T, c entry) int {
		if c.before(parseEntry(f.entryOf(one))) {
			return 1
		}
		return -1
	})
	return slices.Clone(f.recent[at:min(len(f.recent), at+feedReads)]), true
}

func (f *feed[T]) last(found []T, otherwise entry) entry {
	if len(found) == 0 {
		return otherwise
	}
	return parseEntry(f.entryOf(found[len(found)-1]))
}
