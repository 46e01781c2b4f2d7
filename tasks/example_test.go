package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// A producer is three lines. The Redis and the API here are in memory; in production a worker runs elsewhere.
func Example() {
	redisURL, stop := startEverything()
	defer stop()
	ctx := context.Background()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", PhoneNoX: "17000000042", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	queue, err := tasks.Open(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	id, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
	if err != nil {
		log.Fatal(err)
	}
	binding, err := tasks.BindAXN.Wait(ctx, queue, id)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(id, "is reached by dialling", binding.SecretNo) // masked, wherever a person looks
	fmt.Println("dial", string(binding.SecretNo))
	// Output:
	// order-42 is reached by dialling 170****0042
	// dial 17000000042
}

// The caller's own key makes Enqueue idempotent: after a crash or a timeout, enqueue again.
func ExampleTaskID() {
	redisURL, stop := startEverything()
	defer stop()
	ctx := context.Background()
	queue, err := tasks.Open(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	for range 2 {
		id, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
		fmt.Println(id, err)
	}
	request.PhoneNoA = "15000000002"
	_, err = tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
	fmt.Println(errors.Is(err, tasks.ErrKeyReused))
	fmt.Println(err)
	_, err = tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("caller-15000000002"))
	fmt.Println(err)
	// Output:
	// order-42 <nil>
	// order-42 <nil>
	// true
	// task order-42: the key was used for another request; it differs in PhoneNoA: use a new key for a new request
	// TaskID must not contain a telephone number of the request: take another key, such as your order's number
}

// A binding that comes too late for its caller is of no use: it is given up, and nothing is bound.
func ExampleWithin() {
	redisURL, stop := startEverything("action=BindAxn code=isp.SYSTEM_ERROR") // an API that is down
	defer stop()
	ctx := context.Background()
	queue, err := tasks.Open(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	id, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.Within(time.Millisecond))
	if err != nil {
		log.Fatal(err)
	}
	_, err = tasks.BindAXN.Wait(ctx, queue, id)
	if failed, ok := errors.AsType[*dypls.Error](err); ok {
		fmt.Println(failed.Code, failed.Class)
	}
	// Output:
	// dyplsq.Expired Rejected
}

// A batch is enqueued as a whole or not at all, and its results come in its order.
func ExampleKind_WaitAll() {
	redisURL, stop := startEverything()
	defer stop()
	ctx := context.Background()
	queue, err := tasks.Open(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	var items []tasks.Item[dypls.BindAXNRequest]
	for i, x := range []dypls.Phone{"17000000001", "17000000002", "17099999999"} {
		items = append(items, tasks.Item[dypls.BindAXNRequest]{
			Request: dypls.BindAXNRequest{
				PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", PhoneNoX: x, Expiration: dypls.At(time.Now().Add(time.Hour)),
			},
			Options: []tasks.Option{tasks.TaskID(fmt.Sprint("order-", i+1))},
		})
	}

	ids, err := tasks.BindAXN.EnqueueAll(ctx, queue, items)
	if err != nil {
		log.Fatal(err)
	}
	results, err := tasks.BindAXN.WaitAll(ctx, queue, ids)
	if err != nil {
		log.Fatal(err)
	}
	for _, result := range results {
		if failed, ok := errors.AsType[*dypls.Error](result.Err); ok {
			fmt.Println(result.ID, failed.Code, failed.Class)
			continue
		}
		fmt.Println(result.ID, result.Value.SecretNo)
	}
	// Output:
	// order-1 170****0001
	// order-2 170****0002
	// order-3 isv.NO_NOT_EXIST Rejected
}

// startEverything starts a Redis, the simulated API with its faults, and a worker between them, all in this process.
func startEverything(faults ...string) (redisURL string, stop func()) {
	memory, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	redisURL = "redis://" + memory.Addr() + "/0"
	stopWorker := startWorker(redisURL, faults...)
	return redisURL, func() { stopWorker(); memory.Close() }
}

// startWorker starts a worker on a Redis, and the simulated API that it calls.
func startWorker(redisURL string, faults ...string) (stop func()) {
	config := dyplstest.Config{}
	for _, text := range faults {
		fault, err := dyplstest.ParseFault(text)
		if err != nil {
			log.Fatal(err)
		}
		config.Faults = append(config.Faults, fault)
	}
	sim, err := dyplstest.Serve(config)
	if err != nil {
		log.Fatal(err)
	}
	api, err := aliyun.New(aliyun.Config{
		Endpoint: sim.URL(), Credentials: aliyun.StaticCredentials(sim.AccessKeyID, sim.AccessKeySecret, ""),
	})
	if err != nil {
		log.Fatal(err)
	}
	options, err := tasks.ParseRedisURL(redisURL)
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(options)
	w, err := worker.New(worker.Config{
		Redis: client, Caller: api, Concurrency: 8, Fetchers: 1,
		Logger: zerolog.Nop(),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			log.Fatal(err)
		}
		_, _ = api.Close(), client.Close()
		sim.Close()
	}
}
