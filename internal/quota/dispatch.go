package quota

import (
	"context"
	"time"
)

// serve sees to it that the bucket is being looked after. The caller holds the lock.
func (b *Bucket) serve() {
	if b.serving {
		select {
		case b.kick <- struct{}{}:
		default:
		}
		return
	}
	b.serving = true
	go b.run()
}

// run asks the script and hands out tokens, until nobody waits and there is nothing to report.
func (b *Bucket) run() {
	for {
		ask, pause, done := b.step()
		switch {
		case done:
			return
		case ask != nil:
			b.put(*ask)
		default:
			b.rest(pause)
		}
	}
}

// step hands out what is due, and says what is next: a question to the script, a pause, or the end.
func (b *Bucket) step() (ask *demand, pause time.Duration, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.micros(time.Now())
	b.handOut(now)
	mustAsk, wake := b.allotment.plan(b.waiting, now)
	switch {
	case mustAsk:
		return new(b.allotment.demand(b.waiting, now)), 0, false
	case b.waiting == 0:
		b.serving = false
		return nil, 0, true
	}
	return nil, b.clock.until(wake), false
}

// handOut gives tokens to those who have waited longest.
func (b *Bucket) handOut(now int64) {
	for len(b.queue) > 0 {
		if b.queue[0].gone {
			b.queue = b.queue[1:]
			continue
		}
		one, ok := b.allotment.take(now)
		if !ok {
			return
		}
		b.queue[0].token <- one
		b.queue = b.queue[1:]
		b.waiting--
	}
}

// put asks the script. Where Redis is out of reach, tokens are made here, fewer of them.
func (b *Bucket) put(d demand) {
	asked := time.Now()
	reply, err := b.ask(b.limiter.ctx, d)
	if err != nil {
		b.limiter.notShared(b.name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.allotment.undone(d)
		if b.waiting > 0 {
			b.allotment.makeTokens(b.clock.micros(time.Now()), b.start)
		}
		return
	}
	b.clock.learn(asked, time.Now(), reply.now)
	b.allotment.grant(reply)
	if b.allotment.askAt-reply.now > longestWait.Microseconds() {
		for _, w := range b.queue {
			if !w.gone {
				close(w.token)
			}
		}
		b.queue, b.waiting = nil, 0
	}
}

// rest waits for the next token, or for something new.
func (b *Bucket) rest(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.kick:
	}
}

// close gives back what is left, and reports the rest.
func (b *Bucket) close(ctx context.Context) {
	b.mu.Lock()
	b.allotment.drain(b.clock.micros(time.Now()))
	d := b.allotment.demand(0, 0)
	b.mu.Unlock()
	if d.back > 0 || d.seen.something {
		_, _ = b.ask(ctx, d) // otherwise it is lost: a fraction of a second of the quota
	}
}
