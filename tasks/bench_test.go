package tasks_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// BenchmarkEnqueue enqueues under keys of the caller's: one task after the other, from several
// goroutines at once, and in batches of
// 500. To compare, the first two by asynq alone.
func BenchmarkEnqueue(b *testing.B) {
	const size = 500
	byOurs := func(b *testing.B) func(context.Context, string) error {
		b.Helper()
		queue := queuetest.On(b, redistest.Start(b).Client(b))
		return func(ctx context.Context, id string) error {
			_, err := tasks.BindAXN.Enqueue(ctx, queue, axn(), tasks.TaskID(id))
			return err
		}
	}
	byAsynq := func(b *testing.B) func(context.Context, string) error {
		b.Helper()
		client := asynq.NewClientFromRedisClient(redistest.Start(b).Client(b))
		return func(ctx context.Context, id string) error {
			_, err := client.EnqueueContext(ctx, asynq.NewTask("dypls:BindAxn", []byte(id)), asynq.Queue("bind"), asynq.TaskID(id))
			return err
		}
	}
	for name, with := range map[string]func(*testing.B) func(context.Context, string) error{"dyplsq": byOurs, "asynq": byAsynq} {
		b.Run(name+"/one", func(b *testing.B) {
			enqueue := with(b)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := enqueue(b.Context(), fmt.Sprint("b-", n)); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, 1)
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			enqueue := with(b)
			var n atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := enqueue(b.Context(), fmt.Sprint("b-", n.Add(1))); err != nil {
						b.Error(err)
						return
					}
				}
			})
			perSecond(b, 1)
		})
	}
	b.Run("dyplsq/batch", func(b *testing.B) {
		queue := queuetest.On(b, redistest.Start(b).Client(b))
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			items := make([]tasks.Item[dypls.BindAXNRequest], size)
			for i := range items {
				items[i] = item(fmt.Sprintf("b-%d-%d", n, i))
			}
			if _, err := tasks.BindAXN.EnqueueAll(b.Context(), queue, items); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b, size)
	})
}

func perSecond(b *testing.B, size int) {
	b.Helper()
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "tasks/s")
}
