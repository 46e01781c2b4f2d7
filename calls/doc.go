// Package calls takes in the receipts (消息回执) that the platform sends of each call, and keeps
// one record of each call from them.
//
//	store, err := calls.New(calls.Config{Redis: tasks.RedisConfig{URL: "redis://localhost:6379/0"}})
//	handler, err := store.Handler(calls.HandlerConfig{Secrets: []string{secret}})
//	http.Handle("/receipts/", handler) // the platform posts to /receipts/<secret>/<Type>
//	go store.Run(ctx)                  // merges what was taken in
//	call, err := store.Get(ctx, callID)
//	err = store.Follow(ctx, "billing", func(ctx context.Context, c calls.Call) error { ... })
//
// A push is stored in Redis before it is answered, and answered within half a second: with an error
// where Redis did not store it, so that the platform pushes it again. What was answered with 200 is
// merged into its call at least once, and merging it twice changes nothing, in whatever order
// receipts come: see [Store.Run].
package calls
