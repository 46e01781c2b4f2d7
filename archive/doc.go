// Package archive keeps the recordings of calls: it asks for their links through the queue, fetches
// them, checks them, and puts each into a store, once.
//
//	store, err := archive.Open("file:///var/lib/dyplsq/recordings")
//	keeper, err := archive.New(archive.Config{Calls: calls, Queue: queue, Store: store})
//	err = keeper.Run(ctx)
//
// A store never holds a wrong object. A recording is first fetched into a temporary file, where a
// download that is cut goes on, by another link if need be; only what has the right length,
// checksum and beginning is put into the store, whole and under a name of its own. What is there is
// never overwritten.
package archive
