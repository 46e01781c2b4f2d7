package aliyun

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// freshFor is how long a credential is used without asking its source, which reads files and the
	// environment.
	freshFor = 10 * time.Second
	// usableFor is how long it is used while the source is being asked, or cannot answer. Alibaba's
	// chain never returns a temporary credential that ends within 180 s; this leaves the last one a
	// minute.
	usableFor = 2 * time.Minute
)

// lookups make a source usable by many callers that takes no context and may be asked one question
// at a time.
type lookups struct {
	find func() (Credential, error)
	now  func() time.Time

	mu     sync.Mutex
	flight *lookup // under way
	last   hidden
	renew  bool      // the source is to forget what it has, too
	lastAt time.Time // by the wall clock: a machine that slept must not use what has expired meanwhile
}

func newLookups(find func() (Credential, error)) lookups {
	return lookups{find: find, now: time.Now}
}

// lookup is one question to a source, shared by all who wait for the answer.
type lookup struct {
	done       chan struct{}
	credential Credential
	err        error
}

// Get implements [Credentials].
func (d *lookups) Get(ctx context.Context) (Credential, error) {
	d.mu.Lock()
	age := d.now().Round(0).Sub(d.lastAt)
	usable := !d.lastAt.IsZero() && age >= 0 && age < usableFor
	if usable && age < freshFor {
		defer d.mu.Unlock()
		return d.last(), nil
	}
	l := d.flight
	if l == nil {
		l = &lookup{done: make(chan struct{})}
		d.flight = l
		go d.ask(l) // ends with the source's own timeouts: its answer serves the callers that come later
	}
	if usable {
		defer d.mu.Unlock()
		return d.last(), nil
	}
	d.mu.Unlock()
	select {
	case <-l.done:
		return l.credential, l.err
	case <-ctx.Done():
		return Credential{}, fmt.Errorf("waiting for credentials: %w", context.Cause(ctx))
	}
}

// refused forgets a credential that the API no longer takes, so that the next call gets another.
// Alibaba's chain would return it until it ends by this machine's clock.
func (d *lookups) refused(used Credential) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.lastAt.IsZero() && d.last() == used {
		d.lastAt, d.renew = time.Time{}, true
	}
}

// renewing tells, once, whether the source is to forget what it has.
func (d *lookups) renewing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	renew := d.renew
	d.renew = false
	return renew
}

func (d *lookups) ask(l *lookup) {
	asked := d.now().Round(0)
	l.credential, l.err = d.find()
	d.mu.Lock()
	defer d.mu.Unlock()
	if l.err == nil {
		d.last, d.lastAt = hide(l.credential), asked
	}
	d.flight = nil
	close(l.done)
}
