// Package prefetch fetches asynq's tasks ahead, several in one round trip.
//
//	p := prefetch.New(client, map[string]int{"bind": 64})
//	client.AddHook(p)
//	done := p.Performing("bind") // as the handler begins
//
// An asynq Server fetches its tasks one after the other, a round trip each, however many it performs at once. This hook
// recognises its dequeue script by its keys and sends the same script several times in one pipeline: 1, 2, 4 and so on as long as
// every one brings a task, and 1 again after one that did not, so that a queue without tasks costs one script a poll as before.
// The first task is the reply, the others are in stock for what the Server asks next.
//
// No more is fetched than the process has free slots, which Performing tells, so that a task in stock is handed out as soon as
// the Server has started the one before. That matters because of its lease, of 30 s: Redis counts it from the fetch,
// and asynq, which renews only what it was handed, from its own dequeue a moment later. A task that is still in stock after
// 2 s, when slots were not freed as it had seemed, is not handed out but put back at the head of its queue; one that is
// handed out thus has 28 s left in Redis, and is renewed within 5.
//
// Queues may share slots, as the shards of one queue do. Then none is fetched from while the others have them all: whoever asks waits
// until one is free, as it would have waited for a slot of its Server.
//
// What is in stock when the process ends is put back by Close. After a crash it is as if it had been handed out and not begun:
// active without anybody who renews its lease.
package prefetch
