package tasks_test

import (
	"fmt"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// BenchmarkEnqueue enqueues batches of 500 under keys of the caller's; and, to compare, one task after the other by asynq alone.
func BenchmarkEnqueue(b *testing.B) {
	const size = 500
	b.Run("batch", func(b *testing.B) {
		queue := tasks.NewQueue(redistest.Start(b).Client(b))
		for n := 0; b.Loop(); n++ {
			items := make([]tasks.Item[dypls.BindAXNRequest], size)
			for i := range items {
				items[i] = item(fmt.Sprintf("b-%d-%d", n, i))
			}
			if _, err := tasks.BindAXN.EnqueueAll(b.Context(), queue, items); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "tasks/s")
	})
	b.Run("asynq", func(b *testing.B) {
		client := asynq.NewClientFromRedisClient(redistest.Start(b).Client(b))
		for n := 0; b.Loop(); n++ {
			for i := range size {
				id := fmt.Sprintf("b-%d-%d", n, i)
				task := asynq.NewTask("dypls:BindAxn", []byte(id))
				if _, err := client.EnqueueContext(b.Context(), task, asynq.Queue("bind"), asynq.TaskID(id)); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "tasks/s")
	})
}
