package worker_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// A worker is a Redis, something that calls the API, and a logger. The Redis and the API here are
// in memory.
func Example() {
	redisURL, api, stop := inMemory()
	defer stop()

	w, err := worker.New(worker.Config{
		Redis:  tasks.RedisConfig{URL: redisURL},
		Caller: api, // an *aliyun.Client
		Logger: zerolog.New(os.Stderr).Level(zerolog.WarnLevel),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // in a program: signal.NotifyContext
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	bind(ctx, redisURL)
	cancel() // calls that are out get their answers
	fmt.Println("drained:", <-ended)
	// Output:
	// 170****0042
	// drained: <nil>
}

// audited is a caller that sees each call. A call's parameters are personal data: leave them out.
type audited struct{ dypls.Caller }

func (t audited) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	answer, err := t.Caller.Call(ctx, call)
	fmt.Println("called", call.Action, "and got", answer.Code, err)
	return answer, err
}

// Whatever wraps the caller sees every HTTPS request, one by one: for audits or limits of your own.
func ExampleConfig_caller() {
	redisURL, api, stop := inMemory()
	defer stop()
	w, err := worker.New(worker.Config{Redis: tasks.RedisConfig{URL: redisURL}, Caller: audited{api}, Logger: zerolog.Nop()})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	bind(ctx, redisURL)
	cancel()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output:
	// called BindAxn and got OK <nil>
	// 170****0042
}

// A trace sees what a worker does with tasks: attempts, waits and ends, with the class of each
// failure. Set the functions that you need.
func ExampleTrace() {
	redisURL, api, stop := inMemory()
	defer stop()
	w, err := worker.New(worker.Config{
		Redis:  tasks.RedisConfig{URL: redisURL},
		Caller: api,
		Logger: zerolog.Nop(),
		Trace: worker.Trace{
			AttemptDone: func(a worker.Attempt) { fmt.Println("attempt:", a.TaskID, a.Action, a.Code) },
			TaskDone:    func(e worker.TaskEnd) { fmt.Println("end:", e.TaskID, e.State) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	bind(ctx, redisURL)
	cancel()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// attempt: order-42 BindAxn OK
	// end: order-42 succeeded
	// 170****0042
}

// With a provider of OpenTelemetry's, each run of a task and each call has a span. In a
// program it is otel.GetTracerProvider(), and the queue has it, too: the spans are then
// linked to that of Enqueue.
func ExampleConfig_tracerProvider() {
	redisURL, api, stop := inMemory()
	defer stop()
	var spans tracetest.SpanRecorder
	w, err := worker.New(worker.Config{
		Redis:          tasks.RedisConfig{URL: redisURL},
		Caller:         api,
		Logger:         zerolog.Nop(),
		TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(&spans)),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	bind(ctx, redisURL)
	cancel()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	for _, span := range spans.Ended() {
		fmt.Println(span.SpanKind(), span.Name())
	}
	// Output:
	// 170****0042
	// client Dyplsapi BindAxn
	// consumer process bind
}

// bind has a bind performed, and prints its number.
func bind(ctx context.Context, redisURL string) {
	queue, err := tasks.Open(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	task, err := tasks.BindAXN.Enqueue(ctx, queue, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", PhoneNoX: "17000000042", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}, tasks.TaskID("order-42"))
	if err != nil {
		log.Fatal(err)
	}
	binding, err := task.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(binding.SecretNo)
}

// inMemory starts a Redis and the simulated API.
func inMemory() (redisURL string, api *aliyun.Client, stop func()) {
	memory, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	sim, err := dyplstest.Serve(dyplstest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	api, err = aliyun.New(aliyun.Config{
		Endpoint: sim.URL(), Credentials: aliyun.StaticCredentials(sim.AccessKeyID, sim.AccessKeySecret, ""),
	})
	if err != nil {
		log.Fatal(err)
	}
	return "redis://" + memory.Addr() + "/0", api, func() {
		_ = api.Close()
		sim.Close()
		memory.Close()
	}
}
