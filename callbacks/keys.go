package callbacks

import "github.com/seed-5c07c2e9/dyplsq/internal/dispatch"

// The keys in Redis. Those of an endpoint are in one slot of a cluster, with asynq's queue of it.
const (
	// endpointsKey is a hash of the endpoints that a sender has or had, by when it was last seen
	// to, in Unix milliseconds.
	endpointsKey = "dypls:callbacks"
	queuePrefix  = dispatch.CallbackPrefix
	// taskType is that of asynq's tasks.
	taskType = "dypls:callback"
	// group is that of all senders, on the streams of outcomes and of calls.
	group = "dyplsq.callbacks"
)

// queueName is the queue of an endpoint, its own, so that none holds another up.
func queueName(endpoint string) string { return queuePrefix + endpoint }

// keys are those of an endpoint.
type keys struct{ prefix string }

func keysOf(endpoint string) keys {
	return keys{"dypls:callback:{" + queueName(endpoint) + "}:"}
}

// delivery is the record of one: the truth about it.
func (k keys) delivery(id string) string { return k.prefix + "delivery:" + id }

// state is what is known of the endpoint.
func (k keys) state() string { return k.prefix + "state" }

// Sorted sets of deliveries. One that is not delivered is among those that wait, by when its event
// came, and in one of the next three.
func (k keys) waiting() string { return k.prefix + "waiting" }

// queued are those that asynq has, by when they are due.
func (k keys) queued() string { return k.prefix + "queued" }

// sending are those that are sent, by when that is over.
func (k keys) sending() string { return k.prefix + "sending" }

// resting are those that wait for the endpoint, by when they began.
func (k keys) resting() string { return k.prefix + "resting" }

// failing are those that wait and have failed before.
func (k keys) failing() string { return k.prefix + "failing" }
func (k keys) dead() string    { return k.prefix + "dead" } // by when they were given up
