package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// A producer is three lines. The Redis and the API here are in memory; in
// production a worker runs elsewhere.
func Example() {
	system := serve()
	defer func() { _ = system.Close() }()
	ctx := context.Background()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", PhoneNoX: "17000000042", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	queue, err := tasks.Open(system.RedisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	task, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
	if err != nil {
		log.Fatal(err)
	}
	binding, err := task.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(task.ID, "is reached by dialling", binding.SecretNo) // masked, wherever a person looks
	fmt.Println("dial", string(binding.SecretNo))
	// Output:
	// order-42 is reached by dialling 170****0042
	// dial 17000000042
}

// The caller's own key makes Enqueue idempotent: after a crash or a timeout, enqueue again.
func ExampleTaskID() {
	system := serve()
	defer func() { _ = system.Close() }()
	ctx := context.Background()
	queue, err := tasks.Open(system.RedisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	for range 2 {
		task, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
		fmt.Println(task.ID, err)
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
	system := serve(dyplstest.Fault{Action: "BindAxn", Code: "isp.SYSTEM_ERROR"}) // an API that is down
	defer func() { _ = system.Close() }()
	ctx := context.Background()
	queue, err := tasks.Open(system.RedisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}

	task, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.Within(time.Millisecond))
	if err != nil {
		log.Fatal(err)
	}
	_, err = task.Wait(ctx)
	if failed, ok := errors.AsType[*dypls.Error](err); ok {
		fmt.Println(failed.Code, failed.Class)
	}
	// Output:
	// dyplsq.Expired Rejected
}

// A batch is enqueued as a whole or not at all, and its results come in its order.
func ExampleKind_WaitAll() {
	system := serve()
	defer func() { _ = system.Close() }()
	ctx := context.Background()
	queue, err := tasks.Open(system.RedisURL)
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

// A bind whose answer was lost, and that cannot be looked up because the platform chose its number,
// is uncertain. It is never sent again by itself: somebody finds out what was done, and settles it.
func ExampleQueue_Uncertain() {
	system := serve(dyplstest.Fault{Action: "BindAxn", Do: dyplstest.DropAfter}) // performed, and no answer
	defer func() { _ = system.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	queue, err := tasks.Open(system.RedisURL)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	task, err := tasks.BindAXN.Enqueue(ctx, queue, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}, tasks.TaskID("order-42"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = task.Wait(ctx)
	if lost, ok := errors.AsType[*dypls.Error](err); ok {
		fmt.Println(lost.Class)
	}

	var uncertain tasks.UncertainTasks
	for uncertain.Count == 0 { // it is listed a moment after its owner is told
		if uncertain, err = queue.Uncertain(ctx); err != nil {
			log.Fatal(err)
		}
	}
	for _, held := range uncertain.Tasks {
		fmt.Println(held.ID, held.Action, held.Code)
		made := system.API.Ledger()[0] // in production: the console of Alibaba Cloud
		result, err := json.Marshal(dypls.Binding{SubsID: made.SubsID, SecretNo: "17000000001"})
		if err != nil {
			log.Fatal(err)
		}
		if err := queue.Resolve(ctx, held.ID, tasks.ResolveSucceeded(result, "ann")); err != nil {
			log.Fatal(err)
		}
	}
	binding, err := task.Result(ctx)
	fmt.Println("settled:", binding.SecretNo, err)
	// Output:
	// Uncertain
	// order-42 BindAxn dyplsq.NoAnswer
	// settled: 170****0001 <nil>
}

// serve starts a Redis, the simulated API with its faults, and a worker between
// them, all in this process.
func serve(faults ...dyplstest.Fault) *dyplsqtest.System {
	system, err := dyplsqtest.Serve(context.Background(), dyplsqtest.Config{API: dyplstest.Config{Faults: faults}})
	if err != nil {
		log.Fatal(err)
	}
	return system
}
