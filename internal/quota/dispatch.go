package worker

import (
	"context"
	"time"
)

// serve sees to it that the budget is being looked after. The caller holds the lock.
func (b *budget) serve() {
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

// run asks the script and hands out slots, until nobody waits and there is nothing to report.
func (b *budget) run() {
	for {
		ask, pause, done := b.turn()
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

// turn hands out what is due, and says what is next: a question to the script, a pause, or the end.
func (b *budget) turn() (ask *demand, pause time.Duration, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.micros(time.Now())
	b.handOut(now)
	mustAsk, wake := b.stock.plan(b.waiting, now)
	switch {
	case mustAsk:
		return new(b.stock.demand(b.waiting, now)), 0, false
	case b.waiting == 0:
		b.serving = false
		return nil, 0, true
	}
	return nil, b.clock.until(wake), false
}

// handOut gives slots to those who have waited longest.
func (b *budget) handOut(now int64) {
	for len(b.queue) > 0 {
		if b.queue[0].gone {
			b.queue = b.queue[1:]
			continue
		}
		one, ok := b.stock.take(now)
		if !ok {
			return
		}
		b.queue[0].slot <- one
		b.queue = b.queue[1:]
		b.waiting--
	}
}

// put asks the script. Where Redis is out of reach, slots are made here, fewer of them.
func (b *budget) put(d demand) {
	asked := time.Now()
	reply, err := b.ask(b.governor.ctx, d)
	if err != nil {
		b.governor.away(b.name, err) // before the budget's lock is taken: close takes the governor's first
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.stock.undone(d)
		if b.waiting > 0 {
			b.stock.makeSlots(b.clock.micros(time.Now()), b.start)
		}
		return
	}
	b.clock.learn(asked, time.Now(), reply.now)
	b.stock.grant(reply)
	if b.stock.askAt-reply.now > longestWait.Microseconds() {
		for _, w := range b.queue {
			if !w.gone {
				close(w.slot)
			}
		}
		b.queue, b.waiting = nil, 0
	}
}

// rest waits for the next slot, or for something new.
func (b *budget) rest(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.kick:
	}
}

// close gives back what is left, and reports the rest.
func (b *budget) close(ctx context.Context) {
	b.mu.Lock()
	b.stock.drain(b.clock.micros(time.Now()))
	d := b.stock.demand(0, 0)
	b.mu.Unlock()
	if d.back > 0 || d.seen.something {
		_, _ = b.ask(ctx, d) // otherwise it is lost: a fraction of a second of the quota
	}
}
