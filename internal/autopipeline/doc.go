// Package autopipeline sends the commands of concurrent goroutines to Redis in shared pipelines.
//
//	client.AddHook(autopipeline.New(client))
//
// Scripts and small writes that are issued at the same time leave in one pipeline, and each caller
// gets its own reply or error. Nobody waits for others to come: what finds a free sender leaves at
// once, and what comes while all senders wait for Redis leaves with the next pipeline, so that an
// idle process is as quick as before and a busy one needs few round trips.
//
// It is a hook, so that the client stays what it is for everybody who holds it: a cluster's client
// remains one, and hooks that were added before still see every command by itself. Whatever is not
// on the list, among it transactions, blocking commands, subscriptions and the greeting of a new
// connection, goes its own way.
//
// What a caller may rely on:
//   - The commands of one Pipelined leave one after the other, in their order, with nothing between
//     them. On a cluster, as without this package, that holds for each node.
//   - A caller whose context is over stops waiting. A command that has left by then may have been
//     carried out; one that has not left does not leave any more. A pipeline has a time of its own,
//     so that no caller's end cuts another's short.
//   - A lost reply is an error for everybody whose reply it was. Nothing that shared a pipeline is
//     sent again, whatever the client's settings.
//   - Arguments belong to the pipeline until the command has ended, even where its caller has left.
//
// Commands of a redis.Conn or of a Watch would share too, which a Watch does not survive: use
// another client for these.
package autopipeline
