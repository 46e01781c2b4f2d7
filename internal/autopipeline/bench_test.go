package autopipeline

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// BenchmarkEvalSha compares a plain client with one that shares its pipelines, at so many
// goroutines.
func BenchmarkEvalSha(b *testing.B) {
	server := redistest.Start(b)
	script := redis.NewScript(`redis.call('HSET', KEYS[1], 'f', ARGV[1]); return redis.call('HGET', KEYS[1], 'f')`)
	for _, goroutines := range []int{1, 8, 64} {
		for _, kind := range []string{"plain", "shared"} {
			b.Run(fmt.Sprintf("%d/%s", goroutines, kind), func(b *testing.B) {
				client := server.Client(b)
				if kind == "shared" {
					client.AddHook(New(client))
				}
				script.Load(b.Context(), client)
				var key atomic.Int64
				b.SetParallelism(max(goroutines/2, 1)) // times GOMAXPROCS, 2
				b.RunParallel(func(pb *testing.PB) {
					k := []string{fmt.Sprint("key", key.Add(1))}
					for pb.Next() {
						if err := script.Run(b.Context(), client, k, "value").Err(); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
