package worker

import (
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
)

// waitQuota keeps tasks that wait for the rate limit of one account from taking up all prepare
// slots of a queue, where a worker serves several accounts. While free slots remain, or the wait is
// short, waiting is harmless. When none remain, an account beyond its share gives up a slot: a task
// of its own goes back to the queue at once, and a task of another account takes over the slot of
// one that waits.
type waitQuota struct {
	share int // of the places that an account's tasks may wait with, undisturbed
	// a task without a slot sends here; one that waits beyond the share receives, and gives up its
	// slot
	handover chan struct{}

	mu      sync.Mutex
	waiting map[*account]int
}

const (
	// waitingPart is the part of a queue's calls that all shares make up: the rest is there for
	// whoever need not wait.
	waitingPart = 2
	// longWait is a wait that is worth the way back to the queue, which takes about as long.
	longWait = 250 * time.Millisecond
)

// newWaitQuotas returns one for each queue, nil for a worker of one account.
func newWaitQuotas(calls map[string]int, accounts int) map[string]*waitQuota {
	if accounts == 1 {
		return nil
	}
	waitQuotas := make(map[string]*waitQuota, len(calls))
	for queue, n := range calls {
		waitQuotas[queue] = &waitQuota{
			share:    n / (waitingPart * accounts),
			handover: make(chan struct{}),
			waiting:  map[*account]int{},
		}
	}
	return waitQuotas
}

// startWaiting notes that a task begins to wait for a bucket of its account. evict is nil where it
// may wait for its token. leave must be called once, when it has waited.
func (c *waitQuota) startWaiting(
	a *account,
	b *quota.Bucket,
) (evict <-chan struct{}, leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[a]++
	if c.overShare(a, b) {
		evict = c.handover
	}
	return evict, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting[a]--
	}
}

// mustRequeue reports whether a task of an account goes back to the queue where no slot is free.
func (c *waitQuota) mustRequeue(a *account, b *quota.Bucket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overShare(a, b)
}

func (c *waitQuota) overShare(a *account, b *quota.Bucket) bool {
	n := c.waiting[a]
	return n > c.share && b.WaitFor(n) > longWait
}

// requestPlace is where a task without a slot asks for one; nobody ever receives where there is one
// account.
func (c *waitQuota) requestPlace() chan<- struct{} {
	if c == nil {
		return nil
	}
	return c.handover
}
