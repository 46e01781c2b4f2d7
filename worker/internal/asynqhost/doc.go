// Package asynqhost makes asynq's Servers fast and safe from below: they talk to Redis through a
// client that knows four of asynq's scripts, and passes on all else as it is.
//
//	host := asynqhost.New(client, asynqhost.Config{Slots: map[string]int{"bind": 64}})
//	server := asynq.NewServerFromRedisClient(host.Client(), config)
//	done := host.Performing("bind") // as the handler begins
//
// A script is known by its hash, which is pinned to asynq v0.26.0. Should asynq change one, a test
// fails; in production the script goes to Redis like any other, so that asynq is slower and never
// wrong.
//
// # Dequeues
//
// An asynq Server fetches its tasks one after the other, a round trip each, however many it
// performs at once. The host sends its script several times in one pipeline: 1, 2, 4 and so on as
// long as every one brings a task, and 1 again after one that did not. The first task is the reply,
// the others are in stock for what the Server asks next.
//
// No more is fetched than the process has free slots, which Performing tells, so that a task in
// stock is handed out as soon as the Server has started the one before. That matters because of its
// lease, of 30 s: Redis counts it from the fetch, and asynq, which renews only what it was handed,
// from its own dequeue a moment later. A task that is still in stock after 2 s, when slots were not
// freed as it had seemed, is not handed out but put back at the head of its queue.
//
// Queues may share slots, as the shards of one queue do. Then none is fetched from while the others
// have them all: whoever asks waits until one is free, as it would have waited for a slot of its
// Server.
//
// What is in stock when the process ends is put back by Close. After a crash it is as if it had
// been handed out and not begun: active without anybody who renews its lease.
//
// # Tasks that are done
//
// asynq runs a script for each task that is done: it looks through the list of all active tasks for
// it, and counts it twice. The first task of a lull is acknowledged at once; those that are done
// meanwhile wait for that answer, and leave in one script, which looks from the end of the list
// where the oldest are, and counts once. What is then in Redis is what asynq's own script leaves
// there, and each task gets the answer that it would have got. Two things that do not happen it
// treats otherwise: of an id that stands in the list twice it takes out one, and it does not begin
// to count anew at 2^63.
//
// A lost reply is an error for every task it was about: asynq's syncer acknowledges them again, as
// it would without this package.
package asynqhost
