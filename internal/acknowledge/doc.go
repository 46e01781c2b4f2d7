// Package acknowledge takes asynq's finished tasks off their queue, many in one script.
//
//	client.AddHook(acknowledge.New())
//
// asynq runs a script for each task that is done: it looks through the list of all active tasks for it, and counts it twice. This hook
// recognises that script by its keys. The first task of a lull is acknowledged at once; those that are done meanwhile wait for that answer,
// and leave in one script, which looks from the end of the list where the oldest are, and counts once. What is then in Redis is what
// asynq's own script leaves there, and each task gets the answer that it would have got. Two things that do not happen it treats otherwise: of an
// id that stands in the list twice it takes out one, and it does not begin to count anew at 2^63.
//
// A lost reply is an error for every task it was about: asynq's syncer acknowledges them again, as it would without this package.
package acknowledge
