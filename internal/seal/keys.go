package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Keys seal and open values. A nil *Keys seals nothing, and opens what is not sealed. Its methods
// may be called by many goroutines.
type Keys struct {
	ring atomic.Pointer[ring]

	read    func(context.Context) ([]byte, error) // nil where they do not change
	reading sync.Mutex

	again    sync.Mutex // guards what follows: the reading because a key was missing
	readAt   time.Time
	reread   chan struct{} // closed when it is over
	waitFor  time.Duration
	rereadAt time.Time   // when it began
	refresh  func()      // reads, whoever asked and has gone
	changed  func() bool // the source has changed since it was read; nil where only reading tells

	looked atomic.Int64 // when the source was last asked whether it has changed, in Unix ns
}

const (
	// readAgainAfter is how often the source is asked for a key that is missing, a file that has not
	// changed.
	readAgainAfter = time.Second
	// looksAgainAfter is how often who seals asks whether the file has changed: another key may be
	// active by now, and the one of before may be dropped.
	looksAgainAfter = 2 * time.Second
	// waitsForKey is how long who lacks a key waits for the source to answer, all together for one
	// answer: what lacks it may be many values. What it brings later, the next one finds.
	waitsForKey    = 2 * time.Second
	commandTimeout = 30 * time.Second
	mostKeyBytes   = 1 << 20
)

// Of returns keys that do not change.
func Of(f File) (*Keys, error) {
	f, err := ParseFile(f.Marshal())
	if err != nil {
		return nil, err
	}
	k := &Keys{}
	k.ring.Store(ringOf(f))
	return k, nil
}

// FromFile reads keys from a file that nobody but its owner and its group may read, and again
// whenever one is missing or [Keys.Reload] is called.
func FromFile(ctx context.Context, path string) (*Keys, error) {
	var read atomic.Pointer[os.FileInfo]
	k, err := from(ctx, func(context.Context) ([]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode().Perm()&0o007 != 0 {
			return nil, fmt.Errorf("%s may be read or written by everybody: chmod 600 it", path)
		}
		if info.Size() > mostKeyBytes {
			return nil, fmt.Errorf("%s is larger than 1 MiB: it is not a file of keys", path)
		}
		read.Store(&info)        // before: what is written meanwhile is read again
		return os.ReadFile(path) //nolint:gosec // the file that somebody named
	})
	if err != nil {
		return nil, err
	}
	k.changed = func() bool {
		is, err := os.Stat(path)
		was := *read.Load()
		return err == nil &&
			(!os.SameFile(is, was) || is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()))
	}
	return k, nil
}

// FromCommand reads keys from what a command prints, as a KMS' client does. It is run by sh, within
// 30 s.
func FromCommand(ctx context.Context, command string) (*Keys, error) {
	return from(ctx, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the command that somebody set
		cmd.WaitDelay = time.Second
		var printed bytes.Buffer
		cmd.Stdout = &printed
		cmd.Stderr = os.Stderr // it is for people, and is not expected to print keys there
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("the command of the keys: %w", errors.Join(err, ctx.Err()))
		}
		return printed.Bytes(), nil
	})
}

func from(ctx context.Context, read func(context.Context) ([]byte, error)) (*Keys, error) {
	k := &Keys{read: read, readAt: time.Now(), waitFor: waitsForKey}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	// with an error those of before stay
	k.refresh = func() { _ = k.Reload(context.WithoutCancel(ctx)) }
	return k, nil
}

// Reload reads the keys again where they come from. With an error those of before stay.
func (k *Keys) Reload(ctx context.Context) error {
	if k == nil || k.read == nil {
		return nil
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	text, err := k.read(ctx)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	f, err := ParseFile(text)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	k.ring.Store(ringOf(f))
	return nil
}

// On reports whether there are keys.
func (k *Keys) On() bool { return k != nil }

// Seals reports whether a key is active. Where there are keys and none is, values are opened, and
// none is sealed: so that everybody has the keys before anybody seals.
func (k *Keys) Seals() bool { return k != nil && k.sealing().active.id != "" }

// Active returns the id of the key that seals, "" where none does.
func (k *Keys) Active() string {
	if k == nil {
		return ""
	}
	return k.current().active.id
}

// IDs returns the ids of all keys, in their order.
func (k *Keys) IDs() (ids []string) {
	if k == nil {
		return nil
	}
	for id := range k.current().keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (k *Keys) current() *ring { return k.ring.Load() }

// sealing is the ring to seal by: of a file that has changed, the new one. With an error those of
// before stay.
func (k *Keys) sealing() *ring {
	if k.changed != nil {
		last, now := k.looked.Load(), time.Now().UnixNano()
		if now-last >= int64(looksAgainAfter) && k.looked.CompareAndSwap(last, now) && k.changed() {
			k.refresh()
		}
	}
	return k.current()
}

// find looks a key up, and where it is missing has the source asked again: another process may have
// the new one already.
func (k *Keys) find(id string) (key, bool) {
	if k == nil {
		return key{}, false
	}
	found, ok := k.current().keys[id]
	if ok || k.read == nil {
		return found, ok
	}
	over, since := k.readAgain()
	late := time.NewTimer(k.waitFor - time.Since(since))
	defer late.Stop()
	select {
	case <-over:
	case <-late.C:
	}
	found, ok = k.current().keys[id]
	return found, ok
}

// readAgain returns what is closed when the source has been asked again, by one for all who lack a
// key, and not long ago; and since when it is asked.
func (k *Keys) readAgain() (over <-chan struct{}, since time.Time) {
	k.again.Lock()
	defer k.again.Unlock()
	if k.reread == nil && time.Since(k.readAt) < readAgainAfter && (k.changed == nil || !k.changed()) {
		over := make(chan struct{})
		close(over)
		return over, time.Now()
	}
	if k.reread == nil {
		over := make(chan struct{})
		k.reread, k.rereadAt = over, time.Now()
		go func() {
			k.refresh()
			k.again.Lock()
			defer k.again.Unlock()
			k.readAt, k.reread = time.Now(), nil
			close(over)
		}()
	}
	return k.reread, k.rereadAt
}
