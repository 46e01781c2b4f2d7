package asynqwire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

func TestDecodePayload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data string
		want asynqwire.Payload
		err  error
	}{
		"ours":                     {`{"v":1,"id":"order-42"}`, asynqwire.Payload{Version: 1, ID: "order-42"}, nil},
		"no version":               {`{"id":"order-42"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"more than we know":        {`{"v":1,"id":"a","trace":"x"}`, asynqwire.Payload{Version: 1, ID: "a"}, nil},
		"of an account":            {`{"v":1,"id":"a","account":"shop"}`, asynqwire.Payload{Version: 1, ID: "a", Account: "shop"}, nil},
		"of no account":            {`{"v":1,"id":"a","account":""}`, asynqwire.Payload{Version: 1, ID: "a"}, nil},
		"of a strange account":     {`{"v":1,"id":"a","account":"a b"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"newer":                    {`{"v":2,"id":"a"}`, asynqwire.Payload{}, asynqwire.ErrNewerPayload},
		"newer, of another shape":  {`{"v":2,"id":{"shard":7}}`, asynqwire.Payload{}, asynqwire.ErrNewerPayload},
		"newer, without id":        {`{"v":2}`, asynqwire.Payload{}, asynqwire.ErrNewerPayload},
		"empty":                    {``, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"null":                     {`null`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"an array":                 {`[1]`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"cut":                      {`{"v":1,"id":"a`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"two":                      {`{"v":1,"id":"a"}{"v":1,"id":"b"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"binary":                   {"\x00\xff\x01", asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"no id":                    {`{"v":1}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"an id that is none":       {`{"v":1,"id":"a b"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"an id that is too long":   {`{"v":1,"id":"` + strings.Repeat("a", 129) + `"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"an id that is a number":   {`{"v":1,"id":7}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"a negative version":       {`{"v":-1,"id":"a"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"a version that is a text": {`{"v":"2","id":"a"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"5 MB":                     {`{"v":1,"id":"` + strings.Repeat("a", 5<<20) + `"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
		"5 MB beside the id":       {`{"v":1,"id":"a","x":"` + strings.Repeat("a", 5<<20) + `"}`, asynqwire.Payload{}, asynqwire.ErrBadPayload},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := asynqwire.DecodePayload([]byte(test.data))
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
	if got := string(asynqwire.Payload{Version: 1, ID: "AZaz09._:@/-"}.Encode()); got != `{"v":1,"id":"AZaz09._:@/-"}` {
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
		if got := asynqwire.IDOfDelivery(taskID); got != want {
			t.Errorf("%q: %q, want %q", taskID, got, want)
		}
	}
}

func TestNumberOfDelivery(t *testing.T) {
	t.Parallel()
	for delivery, want := range map[string]int64{"k.12": 12, "k": 0, "k.x": 0, "a.1.2": 2, ".1": 0, "": 0} {
		if got := asynqwire.NumberOfDelivery(delivery); got != want {
			t.Errorf("%q is number %d, want %d", delivery, got, want)
		}
	}
}
