// Package setting is what each setting that is a number or a duration may be. The command line, the
// worker's Config and the options of tasks ask here, so that one value is not refused by one of
// them and taken by another.
package setting

import (
	"math"
	"time"
)

// Longest is more than anything is kept or waited for: what is longer was mistyped, or overflowed.
const Longest = 10 * 365 * 24 * time.Hour

// Ahead is how far ahead a task may start or end by its options: until then Redis holds its
// numbers, and what is beyond it is a slip of the unit.
const Ahead = 366 * 24 * time.Hour

// What is kept, and for how long. A record is its key's protection against a second call: it
// outlives every repetition that is near.
var (
	Keep       = Range[time.Duration]{time.Minute, Longest, "leave it out for 24h"}
	KeepStream = Range[time.Duration]{time.Minute, Longest, "leave it out for 24h"}
	KeepCalls  = Range[time.Duration]{time.Minute, Longest, "leave it out for 720h"}
	// NumberCooldown of nothing would lead somebody's old caller to a stranger.
	NumberCooldown     = Range[time.Duration]{time.Second, Longest, "leave it out for 24h"}
	RecordingRetention = Range[time.Duration]{
		time.Minute,
		Longest,
		"leave it out for 720h, as the API keeps recordings",
	}
)

// Of recordings that are kept.
var (
	RecordingAfter   = Range[time.Duration]{time.Millisecond, Longest, "leave it out for 15m"}
	ArchiveParallel  = Range[int]{1, 1000, "leave it out for 4"}
	ArchiveBandwidth = Range[int]{0, math.MaxInt32, "leave it out for no bound"}
	// ArchiveRetry is the first pause; the longest is 60 times as long.
	ArchiveRetry = Range[time.Duration]{time.Millisecond, 24 * time.Hour, "leave it out for 1m"}
	ArchiveLate  = Range[time.Duration]{time.Millisecond, Longest, "leave it out for 24h"}
	ArchiveLease = Range[time.Duration]{time.Second, time.Hour, "leave it out for 20s"}
)

// When a task is performed, and how long somebody waits.
var (
	Within    = Range[time.Duration]{time.Millisecond, Ahead, "leave it out for no bound"}
	ProcessIn = Range[time.Duration]{
		0,
		Ahead,
		"leave it out to start at once, or enqueue it nearer to its time",
	}
	Wait  = Range[time.Duration]{0, Longest, "leave it out not to wait"}
	Since = Range[time.Duration]{
		time.Millisecond,
		Longest,
		"leave it out to go on where the group is",
	}
	ListLimit = Range[int]{1, 10_000_000, "leave it out for 100"}
)

// How much a worker does at once, and how long it waits for it.
var (
	// Concurrency is a call for each queue at least, and at most what one process and its connections
	// to Redis carry.
	Concurrency = Range[int]{4, 10_000, "leave it out for 64"}
	Fetchers    = Range[int]{1, 64, "leave it out for 1"}
	Shards      = Range[int]{1, 64, "take some for each master of a cluster, or 1 without one"}
	MaxAttempts = Range[int]{0, 1000, "leave it out for each kind's own"}
	// WaitReplicas is bounded by what Redis' WAIT can count on in half a second.
	WaitReplicas = Range[int]{0, 100, "leave it out for none"}
	// HTTPTimeout must nest in other times, too, which the worker checks.
	HTTPTimeout     = Range[time.Duration]{time.Millisecond, time.Hour, "leave it out for 10s"}
	ShutdownTimeout = Range[time.Duration]{time.Millisecond, 24 * time.Hour, "leave it out for 20s"}
)

// Calls a second.
var (
	QPS     = Range[float64]{0.001, 1_000_000, "leave it out for the published quota"}
	PoolQPS = Range[float64]{0, 1_000_000, "leave it out for none"}
)

// Of the demonstration and the simulator.
var (
	DemoTimeout = Range[time.Duration]{time.Second, time.Hour, "leave it out for 60s"}
	SimNumbers  = Range[int]{1, 1_000_000, "leave it out for 20000"}
	SimQuota    = Range[int]{1, 1_000_000, "leave it out for none"}
	SimSeed     = Range[uint64]{0, math.MaxUint64, "take any whole number"}

	SimScale         = Range[float64]{0.000_001, 1000, "take 0.001 for minutes of milliseconds"}
	SimTokenLife     = Range[time.Duration]{time.Millisecond, Longest, "leave it out for 10m"}
	SimVisibility    = Range[time.Duration]{time.Millisecond, 12 * time.Hour, "leave it out for 30s"}
	SimPushBatch     = Range[int]{1, 1000, "leave it out for 1"}
	SimReadyAfter    = Range[time.Duration]{0, Longest, "leave it out for at once"}
	SimRecordingSize = Range[int]{0, 1 << 30, "leave it out for that of the call"}
	SimLinkLife      = Range[time.Duration]{time.Millisecond, Longest, "leave it out for 2h"}
	SimShare         = Range[float64]{0, 1, "take 0.05 for 5 in a hundred"}
)
