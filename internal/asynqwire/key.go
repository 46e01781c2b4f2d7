// Package asynqkey names asynq's keys in Redis, as asynq v0.26 writes them (its internal/base). The braces keep all keys of a queue in
// one slot of a cluster.
package asynqkey

import "strings"

// Queues is the set of all queues' names.
const Queues = prefix + "queues"

const (
	prefix = "asynq:"
	begin  = prefix + "{"
	end    = "}:"
)

// Of returns a key of a queue: pending, active, lease, paused and so on.
func Of(queue, name string) string { return begin + queue + end + name }

// Task returns the key of a task, by asynq's ID of it.
func Task(queue, id string) string { return Of(queue, "t:"+id) }

// QueueOf returns the queue that has a key under a name, if any has.
func QueueOf(key, name string) (queue string, found bool) {
	rest, isOne := strings.CutPrefix(key, begin)
	if !isOne {
		return "", false
	}
	return strings.CutSuffix(rest, end+name)
}
