package autopipeline

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/internal/stack"
)

const (
	// senders is how many pipelines are under way at once, whatever there is to send: with one, a
	// command would wait for the end of a round trip that it has just missed; with many, pipelines
	// would be short. Measured.
	senders = 4
	// moreSenders is how many there are at most where Redis is far away: each beyond the first needs
	// worthAnother parts that wait.
	moreSenders  = 16
	worthAnother = 8
	// longest is how many commands a pipeline takes in. A longer group goes by itself.
	longest = 64
	// sendWithin bounds one pipeline.
	sendWithin = 3 * time.Second
)

// lane is the way to one Redis, or to one node of a cluster, so that a node that does not answer
// holds nobody else up.
type lane struct {
	client redis.UniversalClient
	within time.Duration // of one pipeline

	mu      sync.Mutex
	waiting []*part
	sending int
}

func newLane(client redis.UniversalClient) *lane {
	return &lane{client: client, within: sendWithin}
}

// part is what of a group takes one lane.
type part struct {
	ctx      context.Context //nolint:containedctx // of the caller that waits
	sent     []sendonce.Command
	answered chan struct{} // closed when every command has its reply or error
}

func newPart(ctx context.Context, sent []sendonce.Command) *part {
	return &part{ctx: ctx, sent: sent, answered: make(chan struct{})}
}

// do has commands sent, and reports whether they were before ctx was over.
func (l *lane) do(ctx context.Context, sent []sendonce.Command) bool {
	p := newPart(ctx, sent)
	l.enqueue(p) //nolint:contextcheck // a pipeline does not end with one of its callers
	return p.wait()
}

func (p *part) wait() bool {
	select {
	case <-p.answered:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// enqueue wakes a sender, unless all are awake: the first to come back finds the part.
func (l *lane) enqueue(p *part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, p)
	if l.sending < senders || l.sending < moreSenders && len(l.waiting) >= worthAnother {
		l.sending++
		go l.send()
	}
}

// send sends whatever waits, until nothing does.
func (l *lane) send() {
	stack.Grow(senders)
	for {
		parts := l.next()
		if parts == nil {
			return
		}
		sendParts(l.client, l.within, parts...)
	}
}

// sendParts sends parts in one pipeline.
func sendParts(client redis.UniversalClient, within time.Duration, parts ...*part) {
	ctx, cancel := context.WithTimeout(
		context.WithValue(context.Background(), ownPipeline{}, true),
		within,
	)
	pipeline := client.Pipeline()
	for _, p := range parts {
		for _, cmd := range p.sent {
			_ = pipeline.Process(ctx, cmd)
		}
	}
	_, _ = pipeline.Exec(ctx) // each command has its own error
	cancel()
	for _, p := range parts {
		close(p.answered)
	}
}

// next takes the parts of the next pipeline, without those that nobody waits for any longer. It
// lets the sender go when nothing waits.
func (l *lane) next() []*part {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []*part
	taken, commands := 0, 0
	for _, p := range l.waiting {
		if commands += len(p.sent); commands > longest && parts != nil {
			break
		}
		taken++
		if p.ctx.Err() == nil {
			parts = append(parts, p)
		}
	}
	l.waiting = l.waiting[taken:]
	if parts == nil {
		l.waiting = nil
		l.sending--
	}
	return parts
}
