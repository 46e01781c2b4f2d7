// Package history keeps in Redis what happened lately, for the charts of the console: 24 hours by
// the minute and 14 days by the hour, without Prometheus. It holds counts and names, no number and
// no id of a task.
//
//	Recorder   counts what one worker does, and writes that every 10 s; nothing where nothing was done
//	Write      a sample: what stands somewhere at a moment
//	Read       the rows of a kind since a moment
//	OutlookOf  when the numbers of a pool run out, as the last day went
//
// All of it is a hint for people. What a worker has counted since its last write is lost when it is
// killed, or when that write fails: at most 10 s. Nothing is counted twice. Rows stand under the
// time at which they were written, by the clock of who wrote them.
//
// # Keys
//
// Each kind is in one slot of a cluster, every key expires.
//
//	dypls:history:{KIND}:minutes:2026-11-30T02   hash  minute -> row, for 25 hours
//	dypls:history:{KIND}:hours:2026-11-30        hash  hour -> row, for 15 days
//
// A row is name=n,n,n;name=n,n,n, with names as in the query of a URL, and 256 of them at most. All
// of it took 1.1 MB (Redis 7.0) where four actions of one account are busy in every minute of the
// two weeks and 10 pools are sampled.
package history
