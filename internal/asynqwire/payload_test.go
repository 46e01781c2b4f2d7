package tasks_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestDecodePayload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data string
		want tasks.Payload
		err  error
	}{
		"ours":                     {`{"v":1,"id":"order-42"}`, tasks.Payload{Version: 1, ID: "order-42"}, nil},
		"the first, without v":     {`{"id":"order-42"}`, tasks.Payload{ID: "order-42"}, nil},
		"more than we know":        {`{"v":1,"id":"a","trace":"x"}`, tasks.Payload{Version: 1, ID: "a"}, nil},
		"of an account":            {`{"v":2,"id":"a","account":"shop"}`, tasks.Payload{Version: 2, ID: "a", Account: "shop"}, nil},
		"of no account":            {`{"v":2,"id":"a"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"of a strange account":     {`{"v":2,"id":"a","account":"a b"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"an account too early":     {`{"v":1,"id":"a","account":"shop"}`, tasks.Payload{Version: 1, ID: "a"}, nil},
		"newer":                    {`{"v":3,"id":"a"}`, tasks.Payload{}, tasks.ErrNewerPayload},
		"newer, of another shape":  {`{"v":3,"id":{"shard":7}}`, tasks.Payload{}, tasks.ErrNewerPayload},
		"newer, without id":        {`{"v":3}`, tasks.Payload{}, tasks.ErrNewerPayload},
		"empty":                    {``, tasks.Payload{}, tasks.ErrBadPayload},
		"null":                     {`null`, tasks.Payload{}, tasks.ErrBadPayload},
		"an array":                 {`[1]`, tasks.Payload{}, tasks.ErrBadPayload},
		"cut":                      {`{"v":1,"id":"a`, tasks.Payload{}, tasks.ErrBadPayload},
		"two":                      {`{"v":1,"id":"a"}{"v":1,"id":"b"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"binary":                   {"\x00\xff\x01", tasks.Payload{}, tasks.ErrBadPayload},
		"no id":                    {`{"v":1}`, tasks.Payload{}, tasks.ErrBadPayload},
		"an id that is none":       {`{"v":1,"id":"a b"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"an id that is too long":   {`{"v":1,"id":"` + strings.Repeat("a", 129) + `"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"an id that is a number":   {`{"v":1,"id":7}`, tasks.Payload{}, tasks.ErrBadPayload},
		"a negative version":       {`{"v":-1,"id":"a"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"a version that is a text": {`{"v":"2","id":"a"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"5 MB":                     {`{"v":1,"id":"` + strings.Repeat("a", 5<<20) + `"}`, tasks.Payload{}, tasks.ErrBadPayload},
		"5 MB beside the id":       {`{"v":1,"id":"a","x":"` + strings.Repeat("a", 5<<20) + `"}`, tasks.Payload{}, tasks.ErrBadPayload},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tasks.DecodePayload([]byte(test.data))
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%+v, %v, want %+v, %v", got, err, test.want, test.err)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error repeats the payload: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestPayloadGolden(t *testing.T) {
	t.Parallel()
	if got := string(tasks.Payload{Version: 1, ID: "AZaz09._:@/-"}.Encode()); got != `{"v":1,"id":"AZaz09._:@/-"}` {
		t.Errorf("%s", got)
	}
}

func TestIDOfDelivery(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("k", 128)
	tests := map[string]string{
		"order-42.1":                "order-42",
		"order.42.1":                "order.42",
		"a.b/c:d@e-_.17":            "a.b/c:d@e-_",
		longest + ".1":              longest,
		"order-42":                  "order-42", // what asynq itself made, or a person
		"order-42.x":                "order-42.x",
		"order-42.":                 "order-42.",
		"order-42.-1":               "order-42.-1",
		"order-42.+1":               "", // no id of ours
		"order.9223372036854775807": "order",
		"order.9223372036854775808": "order.9223372036854775808",
		".1":                        ".1",
		"":                          "",
		"a b.1":                     "",
		"订单.1":                      "",
		longest + "k.1":             "",
	}
	for taskID, want := range tests {
		if got := tasks.IDOfDelivery(taskID); got != want {
			t.Errorf("%q: %q, want %q", taskID, got, want)
		}
	}
}
