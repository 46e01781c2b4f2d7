package reseal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// Config says what is walked over.
type Config struct {
	Redis redis.UniversalClient
	Keys  *seal.Keys
	// Most is how many keys of Redis are looked at, 0 for all. Where it is not, neither are all
	// entries of a stream: it may have 100,000.
	Most int64
	// Progress is told how many keys were looked at, of about how many. It may be nil.
	Progress func(done, about int64)
}

// ErrNoneActive is that keys open what others sealed, and none seals.
var ErrNoneActive = errors.New("no key is active: dyplsq keys activate FILE ID, once every process has the file")

// ErrNoKeys is that nothing can be sealed without keys.
var ErrNoKeys = errors.New("no keys are given: name them by --keys-file (DYPLSQ_KEYS_FILE) or --keys-command (DYPLSQ_KEYS_COMMAND)")

// Tally counts what is sealed by which key. It changes nothing, and opens nothing.
func Tally(ctx context.Context, c Config) (Report, error) { return run(ctx, c, false) }

// Rotate seals what is clear and should not be, and seals anew what another key than the active one
// has sealed. It returns how what it has looked at stands by then. Between two rounds
// it rests for as long as the last one took. Its error is ctx's, or Redis': to repeat
// it is safe, whenever it ended.
func Rotate(ctx context.Context, c Config) (Report, error) {
	switch {
	case !c.Keys.On():
		return Report{}, ErrNoKeys
	case !c.Keys.Seals():
		return Report{}, ErrNoneActive
	}
	return run(ctx, c, true)
}

func run(ctx context.Context, c Config, change bool) (Report, error) {
	w := &walk{Config: c, change: change, report: Report{Active: c.Keys.Active()}}
	for _, k := range kinds {
		w.report.of(k.name)
	}
	err := w.all(ctx)
	return w.report, err
}

// walk is one walk over all of Redis.
type walk struct {
	Config

	change bool
	report Report
	done   int64
	about  int64
}

const (
	keysAtOnce   = 128
	fieldsAtOnce = 256
	// mostRest is the longest rest between two rounds.
	mostRest = time.Second
)

var errEnough = errors.New("as many keys as were wanted")

// all walks over every master.
func (w *walk) all(ctx context.Context) error {
	cluster, is := w.Redis.(interface {
		ForEachMaster(ctx context.Context, use func(context.Context, *redis.Client) error) error
	})
	if !is {
		w.about, _ = w.Redis.DBSize(ctx).Result()
		return enough(w.scan(ctx, w.Redis))
	}
	var masters []redis.Cmdable
	var mu sync.Mutex // they are told of at the same time
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		size, err := master.DBSize(ctx).Result()
		mu.Lock()
		defer mu.Unlock()
		masters, w.about = append(masters, master), w.about+size
		return err
	})
	if err != nil {
		return err
	}
	for _, master := range masters {
		if err := w.scan(ctx, master); err != nil {
			return enough(err)
		}
	}
	return nil
}

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// scan walks over the keys of one server.
func (w *walk) scan(ctx context.Context, server redis.Cmdable) error {
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		began := time.Now()
		keys, next, err := server.Scan(ctx, cursor, prefix+"*", keysAtOnce).Result()
		if err == nil {
			err = w.look(ctx, keys)
		}
		if err != nil {
			return err
		}
		cursor = next
		w.done += int64(len(keys))
		if w.Progress != nil {
			w.Progress(w.done, max(w.about, w.done))
		}
		if w.Most > 0 && w.done >= w.Most {
			return errEnough
		}
		if err := w.rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// rest leaves Redis to others.
func (w *walk) rest(ctx context.Context, took time.Duration) error {
	if !w.change {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(took, mostRest)):
		return nil
	}
}

// look looks at keys, each by its type.
func (w *walk) look(ctx context.Context, keys []string) error {
	types := make([]*redis.StatusCmd, len(keys))
	rows := make([]*kind, len(keys))
	_, err := w.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			if rows[i] = kindOf(key); rows[i] != nil {
				types[i] = p.Type(ctx, key)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look at keys: %w", err)
	}
	var hashes []*hash
	for i, key := range keys {
		if rows[i] == nil {
			continue
		}
		switch types[i].Val() {
		case "hash":
			hashes = append(hashes, &hash{key: key, kind: rows[i]})
		case "string":
			err = w.single(ctx, rows[i], key)
		case "stream":
			err = w.stream(ctx, rows[i], key)
		}
		if err != nil {
			return err
		}
	}
	return w.hashes(ctx, hashes)
}
