package setting

import (
	"strings"
	"time"
)

// QPSVariable begins the names of the ceilings, one for each action.
const QPSVariable = "DYPLSQ_QPS_"

// Shared are the settings that all workers of a Redis should have the same, by their variables, and
// what holds while they do not, such as while a change of one is rolled out. [QPSVariable] stands
// for all that begin with it.
var Shared = map[string]string{
	"DYPLSQ_NUMBER_COOLDOWN": "the longest holds",
	"DYPLSQ_KEEP":            "the longest holds",
	"DYPLSQ_KEEP_STREAM":     "the longest holds",
	QPSVariable:              "the lowest holds",
	"DYPLSQ_POOL_QPS":        "the lowest holds for workers that have one, and the others keep to none",
	"DYPLSQ_ON_UNCERTAIN":    "each worker goes by its own, and a bind whose answer is lost is sent once more at most",
	"DYPLSQ_ON_NO_NUMBER":    "each worker goes by its own, and the first with fail ends the task",
	"DYPLSQ_MAX_ATTEMPTS":    "each worker goes by its own, and the first that has made enough calls ends the task",
	"DYPLSQ_WAIT_REPLICAS":   "each worker waits for its own, and a failover may forget the calls of one that waits for fewer",
	"DYPLSQ_SHARDS":          "every worker serves all shards that hold tasks, at the cost of more polls",
	"DYPLSQ_ENDPOINT":        "each worker calls its own, and a task is bound at one and looked for at the other",
	"worker.Config.Account":  "tasks that name no account are performed for either",
}

// WhileDiffering says what holds while workers differ in a setting; "" where they may.
func WhileDiffering(variable string) string {
	if strings.HasPrefix(variable, QPSVariable) {
		variable = QPSVariable
	}
	return Shared[variable]
}

// Text writes a duration as people write settings: 24h, not 24h0m0s.
func Text(d time.Duration) string {
	short := d.String()
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return strings.TrimSuffix(short, "0m0s")
	case d >= time.Minute && d%time.Minute == 0:
		return strings.TrimSuffix(short, "0s")
	}
	return short
}
