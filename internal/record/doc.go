// Package record keeps one Redis hash per task: its request, state, attempts and outcome. The
// record is the truth about a task; the queue below it only delivers, at least once and now and
// then twice at a time.
//
// Every change is one script on one key, on Redis' own clock. Each may be sent again when its reply
// was lost:
//
//	Create   new | same | conflict | absent
//	Begin    go(fence) | busy | finished | unknown   a call is about to leave, by this run alone
//	Finish   what came of it; a run that was superseded changes nothing, unless it brings a success
//	Reject   what was delivered cannot be read
//	Redeliver   the delivery is over, and the task needs another
//
// States: queued, calling, waiting, and the three that an owner is told: succeeded, failed,
// uncertain.
package record
