package prefetch

import (
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// dequeueKeys are the keys of asynq's dequeue script, in its order. No other script of asynq has the same.
var dequeueKeys = []string{asynqwire.Pending, asynqwire.Paused, asynqwire.Active, asynqwire.Lease}

// dequeuedFrom returns the queue that a dequeue script takes a task from, and "" for every other command.
func dequeuedFrom(args []any) string {
	const keys = 3 // the command, the script, the number of keys
	if len(args) < keys+len(dequeueKeys) || args[2] != len(dequeueKeys) || args[0] != "evalsha" && args[0] != "eval" {
		return ""
	}
	first, _ := args[keys].(string)
	name, ours := asynqwire.QueueOf(first, dequeueKeys[0])
	if !ours {
		return ""
	}
	for i, list := range dequeueKeys {
		if args[keys+i] != asynqwire.Queue(name).Key(list) {
			return ""
		}
	}
	return name
}
