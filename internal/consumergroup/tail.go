package consumergroup

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// lookEvery is when whoever waits reads again although nothing was told.
	lookEvery = 2 * time.Second
	// rest follows an error of Redis.
	rest = 200 * time.Millisecond
)

// Tail reads a stream by cursors. Of all who wait for news of it, whatever their cursors, one
// connection to Redis does.
type Tail struct {
	redis  redis.UniversalClient
	stream string

	mu       sync.Mutex
	waiting  int           // how many do
	watching bool          // somebody asks Redis for them
	news     chan struct{} // closed when there is something new
}

// NewTail returns a tail of a stream.
func NewTail(client redis.UniversalClient, stream string) *Tail {
	return &Tail{redis: client, stream: stream, news: make(chan struct{})}
}

// Latest returns the entry that was added last, [First] where none is kept.
func (t *Tail) Latest(ctx context.Context) (string, error) {
	entries, err := t.redis.XRevRangeN(ctx, t.stream, "+", "-", 1).Result()
	if err != nil || len(entries) == 0 {
		return First, err
	}
	return entries[0].ID, nil
}

// Read returns entries after a cursor, and waits for the first so long. It returns none where none
// came.
func (t *Tail) Read(
	ctx context.Context,
	after string,
	most int,
	wait time.Duration,
) ([]redis.XMessage, error) {
	ends := time.Now().Add(wait)
	if wait > 0 {
		t.enter(after) //nolint:contextcheck // the watch does not end with one of those who wait
		defer t.leave()
	}
	for {
		news := t.nextNews() // before it reads: what comes afterwards is heard
		entries, err := messages(t.redis.XRead(ctx, &redis.XReadArgs{
			Streams: []string{t.stream, after}, Count: int64(most), Block: noBlock,
		}).Result())
		left := time.Until(ends)
		if err != nil || len(entries) > 0 || left <= 0 {
			return entries, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-news:
		case <-time.After(min(left, lookEvery)):
		}
	}
}

func (t *Tail) nextNews() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.news
}

// enter counts one who waits for what comes after a cursor, and has Redis
// asked for it unless it is.
func (t *Tail) enter(after string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting++
	if !t.watching {
		t.watching = true
		go t.watch(after)
	}
}

func (t *Tail) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting--
}

// isOver reports whether nobody waits any more, and leaves the watch to the next who does.
func (t *Tail) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watching = t.waiting > 0
	return !t.watching
}

// watch tells of news while somebody waits. Those who come while it runs, with other cursors, have
// read what was there by themselves.
func (t *Tail) watch(after string) {
	ctx := context.Background()
	for !t.isOver() {
		entries, err := messages(t.redis.XRead(ctx, &redis.XReadArgs{
			Streams: []string{t.stream, after}, Count: 1, Block: block,
		}).Result())
		if err == nil && len(entries) > 0 {
			after, err = t.Latest(ctx)
		}
		if err != nil || len(entries) > 0 { // of an error, those who wait learn by themselves
			t.tell()
		}
		if err != nil {
			time.Sleep(rest)
		}
	}
}

func (t *Tail) tell() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.news)
	t.news = make(chan struct{})
}
