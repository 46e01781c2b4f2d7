package asynqhost

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/hearing"
)

// announceWithin bounds an announcement, which is not waited for any longer: who does not hear it
// asks soon.
const announceWithin = time.Second

// hears is how well announcements of a queue are heard.
type hears int

const (
	hearsNothing hears = iota // at the moment: the subscription is not in force
	hearsAll
	isDeaf // Redis has no such channels
)

// Listen hears announcements of all queues until the host is closed. It is called once.
func (h *Host) Listen() {
	h.mu.Lock()
	h.listens = true
	h.mu.Unlock()
	heard := map[string]bool{}
	for name := range h.queues.Range {
		//nolint:forcetypeassert // nothing else is stored
		channel, _ := announce.Channel(h.redis, name.(string))
		if !heard[channel] {
			heard[channel] = true
			h.listen(name.(string)) //nolint:forcetypeassert // nothing else is stored
		}
	}
}

// listen opens the line on which a queue is announced.
func (h *Host) listen(queue string) {
	channel, sharded := announce.Channel(h.redis, queue)
	line := hearing.Line{
		Client: h.redis, Channels: []string{channel}, Sharded: sharded,
		InForce: func(string) { h.hear(channel, hearsAll) },
		Lost:    func() { h.hear(channel, hearsNothing) },
		Hear: func(m *redis.Message) {
			name, until := announce.Read(m.Payload)
			if q, known := h.queue(name); known {
				q.tell(until)
			}
		},
	}
	h.running.Go(func() {
		if line.Keep(h.ctx) != nil {
			h.hear(channel, isDeaf)
		}
	})
}

// hear notes how well a channel is heard from now on. What was announced before may have been
// missed: its queues are asked.
func (h *Host) hear(channel string, how hears) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[channel] = how
	for name, q := range h.queues.Range {
		//nolint:forcetypeassert // nothing else is stored
		of, _ := announce.Channel(h.redis, name.(string))
		if of == channel {
			q.(*queue).hear(how) //nolint:forcetypeassert // nothing else is stored
		}
	}
}

// announce tells everybody, this process first, that a queue has tasks to be performed.
func (h *Host) announce(name string) {
	if q, known := h.queue(name); known {
		q.tell(time.Time{})
	}
	ctx, cancel := context.WithTimeout(context.Background(), announceWithin)
	defer cancel()
	_ = h.redis.Do(ctx, announce.Command(h.redis, name, time.Time{})...).Err()
}
