package dyplstest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	tests := map[string]dyplstest.Fault{
		"action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1":      {Action: "BindAxn", Code: "isv.FLOW_LIMIT", Rate: 0.05, First: 1},
		"action=BindAxn do=drop-after times=3":                      {Action: "BindAxn", Do: dyplstest.DropAfter, Times: 3},
		" do=hang\tperformed=true\n":                                {Do: dyplstest.Hang, Performed: true},
		"delay=1.5s":                                                {Delay: 1500 * time.Millisecond},
		`PhoneNoA=15000000001 OutId="a b" do=body body="{\"a\":1}"`: {Match: map[string]string{"PhoneNoA": "15000000001", "OutId": "a b"}, Do: dyplstest.Body, Body: `{"a":1}`},
		`name=n code=X message="a \"b\" 中" status=502`:              {Name: "n", Code: "X", Message: `a "b" 中`, Status: 502},
		`OutId="" code=X`:                                           {Match: map[string]string{"OutId": ""}, Code: "X"},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := dyplstest.ParseFault(text)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("got %#v, %v, want %#v", got, err, want)
			}
			again, err := dyplstest.ParseFault(got.String())
			if err != nil || !reflect.DeepEqual(again, want) {
				t.Errorf("%q reads as %#v, %v", got.String(), again, err)
			}
		})
	}
}

// Every error names the key, the rule and the remedy.
func TestParseFaultErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                              "must be key=value pairs, separated by blanks: write it like",
		"BindAxn":                       "must be key=value pairs",
		"action BindAxn=x":              "must be key=value pairs",
		"=x":                            "must be key=value pairs",
		"code=X code=Y":                 "code is given twice: keep one",
		"code=X rates=1":                "rates is not a key: take one of name, action, rate",
		"code=X rate=often":             "rate has a value that cannot be read: write a share, such as 0.05",
		"code=X rate=1.5":               "rate must be between 0 and 1: write 0.05",
		"code=X rate=NaN":               "rate must be between 0 and 1",
		"code=X first=x":                "first has a value that cannot be read: write a whole number",
		"code=X first=-1":               "first must not be negative: leave it out",
		"code=X times=-1":               "times must not be negative: leave it out",
		"delay=2":                       "delay has a value that cannot be read: write a duration, such as 2s",
		"delay=-2s":                     "delay must not be negative",
		"do=hang performed=maybe":       "performed has a value that cannot be read: write true or false",
		`code=X message="a`:             "message has an opening quote and no closing one: close it",
		"code=X status=99":              "status must be between 200 and 599: leave it out",
		"action=BindAxz code=X":         `action "BindAxz" is not simulated: take one of BindAxb`,
		"action=BindAxn":                "do is missing: give a code, a delay, or one of answer",
		"do=explode":                    `do "explode" is not a kind of fault: take one of answer`,
		"do=answer":                     "code must be one of the API's where do is answer",
		"code=dyplsq.NoAnswer":          "code must be one of the API's",
		"do=slow":                       "delay is required where do is slow: write it like 2s",
		"do=drop-before code=isv.X":     "code goes only with do answer or answer-after: leave one of them out",
		"do=slow delay=1s code=isv.X":   "code goes only with do answer",
		"action=BindAxn,code=isv.X a=b": "a is not a key",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if f, err := dyplstest.ParseFault(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %#v, %v, want an error with %q", f, err, want)
			}
		})
	}
}

func FuzzParseFault(f *testing.F) {
	f.Add("action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1")
	f.Add(`PhoneNoA="" do=body body="{\"a\":1}" delay=1h name="x y"`)
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := dyplstest.ParseFault(text)
		if err != nil {
			return
		}
		again, err := dyplstest.ParseFault(fault.String())
		if err != nil || !reflect.DeepEqual(fault, again) && again.String() != fault.String() {
			t.Errorf("%q became %q: %v", text, fault.String(), err)
		}
	})
}
