package dyplstest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// A bind is performed and its answer is lost: the client sees an error, and the ledger tells the
// truth. In a test, Start takes the place of Serve and Close. The send of this example stands
// for any client of the API.
func Example() {
	fault, err := dyplstest.ParseFault("action=BindAxn do=drop-after times=1")
	if err != nil {
		log.Fatal(err)
	}
	sim, err := dyplstest.Serve(dyplstest.Config{Faults: []dyplstest.Fault{fault}})
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()

	_, _, err = send(context.Background(), sim, "BindAxn", params{
		"PoolKey": dyplstest.DefaultPoolKey, "PhoneNoA": "15000000001", "PhoneNoX": "17000000000", "Expiration": "2099-01-01 00:00:00",
	})
	fmt.Println("no answer:", err != nil)
	for _, entry := range sim.Ledger() {
		fmt.Printf("%s performed: %t, by %q\n", entry.Action, entry.Performed, entry.Fault)
	}
	for _, binding := range sim.Bindings() {
		fmt.Printf("%v reaches %v\n", binding.PhoneNoX, binding.PhoneNoA)
	}
	// Output:
	// no answer: true
	// BindAxn performed: true, by "action=BindAxn times=1 do=drop-after"
	// 170****0000 reaches 150****0001
}

func ExampleParseFault() {
	fault, err := dyplstest.ParseFault(`action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1`)
	fmt.Println(fault.Action, fault.Code, fault.Rate, fault.First, err)
	_, err = dyplstest.ParseFault("do=explode")
	fmt.Println(err)
	// Output:
	// BindAxn isv.FLOW_LIMIT 0.05 1 <nil>
	// fault: do "explode" is not a kind of fault: take one of answer, answer-after, drop-before, drop-after, garbage, body, hang, slow, cut, truncate
}
