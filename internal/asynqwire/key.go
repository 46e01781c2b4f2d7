package asynqwire

import "strings"

// Queues is the key of the set of all queues' names.
const Queues = prefix + "queues"

const (
	prefix = "asynq:"
	begin  = prefix + "{"
	end    = "}:"
)

// The lists and sets of a queue. The first six are a task's states, too, in asynq's words.
const (
	Pending   = "pending"
	Active    = "active"
	Scheduled = "scheduled"
	Retry     = "retry"
	Archived  = "archived"
	Completed = "completed"
	Lease     = "lease"
	Paused    = "paused"
	Processed = "processed" // these two count, and with :<day> a day's
	Failed    = "failed"
)

// Queue is the name of a queue. The braces keep all keys of a queue in one slot of a cluster.
type Queue string

// Key returns the key of one of the queue's lists and sets.
func (q Queue) Key(list string) string { return begin + string(q) + end + list }

// Task returns the key of a task, by asynq's id of it.
func (q Queue) Task(id string) string { return q.Key("t:" + id) }

// QueueOf returns the queue that has a key for a list, if any has.
func QueueOf(key, list string) (queue string, found bool) {
	rest, isOne := strings.CutPrefix(key, begin)
	if !isOne {
		return "", false
	}
	return strings.CutSuffix(rest, end+list)
}
