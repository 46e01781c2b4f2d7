// Package sendonce keeps a cluster's client from sending a script again whose reply was lost.
//
//	client.AddHook(sendonce.New(client))
//
// go-redis' cluster client sends a command again after an error of the connection, up to
// MaxRedirects times and whatever MaxRetries says. A script that was carried out, and whose reply
// was lost, would be carried out again: of asynq's scripts one that fetches a task would lose one,
// and one that puts a task in would say that it was there before.
//
// What a node answers is still followed, as it says that nothing was carried out: MOVED and ASK by
// the client, and TRYAGAIN, which the client no longer follows for what it is not to send again, by
// this package.
//
// Scripts alone are kept from it, wherever they are sent: by themselves, in a pipeline or in a
// transaction. What shares a pipeline and a node with a script is not sent again either.
package sendonce
