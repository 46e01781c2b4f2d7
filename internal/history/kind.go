package history

// Kind is what rows are about. It says what their names and numbers are.
type Kind string

// The kinds.
const (
	// Tasks: what became of the tasks of an account and action, and their calls.
	Tasks Kind = "tasks"
	// Quota: how many calls an account may make of an action. Where none is in use there is no row.
	Quota Kind = "quota"
	// Queues: what waits in a queue, its shards together. An empty one has no name in the row.
	Queues Kind = "queues"
	// Pools: where the numbers of a pool stand.
	Pools Kind = "pools"
)

// The numbers of [Tasks], by their places.
const (
	Succeeded = iota
	Failed
	Uncertain
	Throttled // calls that were
	Calls     // of the API, looks among them
	tasksNumbers
)

// The numbers of [Quota].
const (
	MilliRate   = iota // thousandths of a call a second, of all workers together
	IsThrottled        // 1 where the last call was
)

// The numbers of [Queues].
const (
	OldestMS = iota // for how long the first has been due
	Pending         // how many are due
)

// The numbers of [Pools].
const (
	Free = iota
	Resting
	Leased
	Bound
	Aside
	Leaving
)

// merge says how the rows of one moment become one.
func (k Kind) merge() string {
	switch k {
	case Tasks:
		return "sum"
	case Pools:
		return "last"
	case Quota, Queues:
	}
	return "max"
}

// Budget is the name of an account's action, in [Tasks] and [Quota].
func Budget(account, action string) string { return account + ":" + action }
