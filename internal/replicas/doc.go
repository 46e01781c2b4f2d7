// Package replicas waits until replicas of Redis hold what was written.
//
// WAIT speaks of the connection it comes down, and of what that connection wrote last. So it is
// asked right behind a script, on the same connection: on another it could be answered by a new
// master that has never heard of the script. And something is written behind each script, as one
// that is repeated may find nothing left to write: what it found would then pass for replicated.
//
// On a cluster WAIT has no key that would lead it to the right node. Each node is sent a pipeline
// of its own, with its WAIT. What a node answers with MOVED or ASK it has not carried out, and is
// sent, with a WAIT, to the node that was named. A key that moves between its script and the write
// behind it is an error: the script is to be repeated, so each must bear that.
package replicas
