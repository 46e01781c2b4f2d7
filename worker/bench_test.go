package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// BenchmarkDrain performs b.N queued binds, at so long a round trip to Redis and so long a call:
// with commands of their own, with shared pipelines, and with what stands between asynq and Redis
// besides. Run it with -benchtime 20000x.
func BenchmarkDrain(b *testing.B) {
	for _, at := range []struct {
		trip, call  time.Duration
		concurrency int
	}{{0, 0, 128}, {0, 20 * time.Millisecond, 128}, {time.Millisecond, 50 * time.Millisecond, 512}} {
		for _, without := range []string{"autopipeline and host", "host", ""} {
			for _, fetchers := range []int{1, 2, 4} {
				b.Run(fmt.Sprintf("trip %s call %s/without %s/fetchers %d", at.trip, at.call, without, fetchers), func(b *testing.B) {
					drain(b, at.trip, cannedCaller{at.call}, without, Config{Concurrency: at.concurrency, Fetchers: fetchers})
				})
			}
		}
	}
}

func drain(b *testing.B, trip time.Duration, caller dypls.Caller, without string, config Config) {
	b.Helper()
	server := redistest.Start(b)
	direct := server.Client(b)
	queue := queuetest.New(b, tasks.Config{Client: direct, TracerProvider: config.TracerProvider})
	each := b.N // in one trip; where each is traced, one after the other
	if config.TracerProvider != nil {
		each = 1
	}
	for n := 0; n < b.N; n += each {
		items := make([]tasks.Item[dypls.BindAXNRequest], each)
		for i := range items {
			items[i].Request = bindRequest()
		}
		if _, err := tasks.BindAXN.EnqueueAll(b.Context(), queue, items); err != nil {
			b.Fatal(err)
		}
	}
	client := redis.NewClient(&redis.Options{
		Addr: slowly(b, server.Addr, trip/2), ContextTimeoutEnabled: true, MaxRetries: -1, PoolSize: config.withDefaults().poolSize(),
	})
	b.Cleanup(func() { _ = client.Close() })
	config.client, config.Caller, config.Logger = hookless{client, without}, caller, zerolog.Nop()
	config.AsynqPlain = strings.Contains(without, "host")
	w, err := New(config)
	if err != nil {
		b.Fatal(err)
	}
	direct.ConfigResetStat(b.Context())
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	before, redisBefore := processorTime(), redisTime(b, direct)
	b.ResetTimer()
	running.Go(func() { _ = w.Run(ctx) })
	redistest.Poll(b, 10*time.Minute, "all outcomes", func(ctx context.Context) error {
		if n := direct.XLen(ctx, record.Stream).Val(); n < int64(b.N) {
			return errors.New("not yet")
		}
		return nil
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/task")
	b.ReportMetric(float64((redisTime(b, direct)-redisBefore).Microseconds())/float64(b.N), "redis-µs/task")
	stop()
	running.Wait()
}

// BenchmarkIdle tells what a worker costs that has nothing to do. Run it with -benchtime 1x.
func BenchmarkIdle(b *testing.B) {
	const idle = 5 * time.Second
	for _, without := range []string{"autopipeline and host", ""} {
		for _, fetchers := range []int{1, 2} {
			b.Run(fmt.Sprintf("without %s/fetchers %d", without, fetchers), func(b *testing.B) {
				server := redistest.Start(b)
				client := server.Client(b)
				w, err := New(Config{client: hookless{server.Client(b), without}, Caller: cannedCaller{}, Logger: zerolog.Nop(), Fetchers: fetchers, AsynqPlain: without != ""})
				if err != nil {
					b.Fatal(err)
				}
				ctx, stop := context.WithCancel(b.Context())
				var running sync.WaitGroup
				running.Go(func() { _ = w.Run(ctx) })
				for b.Loop() {
					client.ConfigResetStat(ctx)
					before, redisBefore := processorTime(), redisTime(b, client)
					time.Sleep(idle)
					b.ReportMetric(float64(redistest.Calls(b, client, "evalsha"))/idle.Seconds(), "scripts/s")
					b.ReportMetric(100*float64(processorTime()-before)/float64(idle), "cpu-%")
					b.ReportMetric(100*float64(redisTime(b, client)-redisBefore)/float64(idle), "redis-%")
				}
				stop()
				running.Wait()
			})
		}
	}
}

// hookless has no shared pipelines, where they are not wanted.
type hookless struct {
	redis.UniversalClient

	without string
}

// AddHook implements [redis.UniversalClient].
func (h hookless) AddHook(hook redis.Hook) {
	if _, shares := hook.(*autopipeline.Hook); !shares || !strings.Contains(h.without, "autopipeline") {
		h.UniversalClient.AddHook(hook)
	}
}

// cannedCaller answers after a while, and costs nothing.
type cannedCaller struct{ after time.Duration }

var subs atomic.Int64

// Call implements [dypls.Caller].
func (c cannedCaller) Call(context.Context, dypls.Call) (dypls.Answer, error) {
	time.Sleep(c.after)
	id := strconv.FormatInt(subs.Add(1), 10)
	return dypls.Answer{
		Status: 200, Code: "OK", Message: "OK", RequestID: id,
		Body: []byte(`{"Code":"OK","Message":"OK","RequestId":"` + id + `","SecretBindDTO":{"SubsId":"` + id + `","SecretNo":"17000000001"}}`),
	}, nil
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func redisTime(b *testing.B, client *redis.Client) (spent time.Duration) {
	b.Helper()
	for line := range strings.SplitSeq(client.Info(b.Context(), "cpu").Val(), "\r\n") {
		var seconds float64
		for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
			if _, err := fmt.Sscanf(line, name+":%f", &seconds); err == nil {
				spent += time.Duration(seconds * float64(time.Second))
			}
		}
	}
	return spent
}

// slowly returns an address behind which everything takes so long, each way; 0 is no detour.
func slowly(b *testing.B, addr string, each time.Duration) string {
	b.Helper()
	if each == 0 {
		return addr
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", addr)
			if err != nil {
				_ = near.Close()
				return
			}
			go late(near, far, each)
			go late(far, near, each)
		}
	}()
	return listener.Addr().String()
}

func late(to io.WriteCloser, from io.ReadCloser, by time.Duration) {
	type chunk struct {
		at   time.Time
		data []byte
	}
	chunks := make(chan chunk, 1024)
	go func() {
		for c := range chunks {
			time.Sleep(time.Until(c.at))
			_, _ = to.Write(c.data)
		}
		_ = to.Close()
	}()
	for {
		data := make([]byte, 16<<10)
		n, err := from.Read(data)
		if err != nil {
			close(chunks)
			return
		}
		chunks <- chunk{time.Now().Add(by), data[:n]}
	}
}
