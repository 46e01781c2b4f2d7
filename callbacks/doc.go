// Package callbacks tells applications over HTTP what became of tasks and calls, signed after the
// Standard Webhooks specification.
//
//	endpoints, err := callbacks.ReadFile("callbacks.json")
//	sender, err := callbacks.New(callbacks.Config{Queue: queue, Calls: store, Redis: redis, Endpoints: endpoints})
//	err = sender.Run(ctx)
//
// An event, of one of the [EventTypes], becomes a delivery for each [Endpoint] that wants it. A
// delivery is kept in Redis until its endpoint has answered with a 2xx, and is tried over three
// days: see [Sender.Run]. Every event is told at least once, whoever dies meanwhile; a receiver
// knows a repetition by its webhook-id.
//
// Receivers written in Go check what they are told with [Verify].
package callbacks
