package worker

import (
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
)

// crowd keeps those who wait for the quota of one account from taking up all places of a queue (callSlots.ready), where a worker serves several
// accounts. Waiting costs nobody anything as long as there is room, or it does not last. Otherwise a task for which there is none goes
// back to the queue if others of its account wait beyond their share, and else one that does makes room for it.
type crowd struct {
	share int           // of the places that an account's tasks may wait with, undisturbed
	room  chan struct{} // who needs a place offers here, who waits beyond the share takes it and hands over its own

	mu      sync.Mutex
	waiting map[*account]int
}

const (
	// sharedOut is the part of a queue's calls that all shares make up: the rest is there for whoever need not wait.
	sharedOut = 2
	// lasting is how long those who wait have to take until it is worth their way back to the queue, which is about as long.
	lasting = 250 * time.Millisecond
)

// newCrowds returns one for each queue, nil for a worker of one account.
func newCrowds(calls map[string]int, accounts int) map[string]*crowd {
	if accounts == 1 {
		return nil
	}
	crowds := make(map[string]*crowd, len(calls))
	for queue, n := range calls {
		crowds[queue] = &crowd{share: n / (sharedOut * accounts), room: make(chan struct{}), waiting: map[*account]int{}}
	}
	return crowds
}

// join notes that a task begins to wait for a bucket of its account. evict is nil where it may stay until its turn. leave is called
// once, when it has waited.
func (c *crowd) join(a *account, b *quota.Bucket) (evict <-chan struct{}, leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[a]++
	if c.beyond(a, b) {
		evict = c.room
	}
	return evict, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting[a]--
	}
}

// full reports whether a task of an account has to go back where there is no room for it.
func (c *crowd) full(a *account, b *quota.Bucket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beyond(a, b)
}

func (c *crowd) beyond(a *account, b *quota.Bucket) bool {
	n := c.waiting[a]
	return n > c.share && b.WaitFor(n) > lasting
}

// need is where somebody without a place asks for room; nobody ever answers where there is one account.
func (c *crowd) need() chan<- struct{} {
	if c == nil {
		return nil
	}
	return c.room
}
