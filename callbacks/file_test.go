package callbacks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestReadsEndpoints(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "callbacks.json")
	text := `{"endpoints":[
		{"name":"orders","url":"https://orders.example.com/dyplsq?tenant=7","secrets":["` + secretOne + `","` + secretTwo + `"],
		 "events":["task.finished"],"accounts":["default","shop-2"],"tasks":"named","full":true},
		{"name":"crm","url":"http://127.0.0.1:9000/","secrets":["` + secretTwo + `"],"allow_private":true}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Endpoint{
		{
			Name: "orders", URL: "https://orders.example.com/dyplsq?tenant=7", Secrets: []string{secretOne, secretTwo},
			Events: []EventType{TaskFinished}, Accounts: []string{"default", "shop-2"}, Tasks: NamedTasks, Full: true,
		},
		{Name: "crm", URL: "http://127.0.0.1:9000/", Secrets: []string{secretTwo}, AllowPrivate: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if _, err := ReadFile(path + ".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if got, err := Parse([]byte(`{"endpoints":[]}`)); err != nil || len(got) != 0 {
		t.Errorf("no endpoint: %v, %v", got, err)
	}
}

// TestFilesThatAreRefused: each problem by field and rule, all at once, and never with a value that
// could be a secret.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	one := func(members string) string { return `{"endpoints":[{` + members + `}]}` }
	good := `"name":"a","url":"https://a.example.com/","secrets":["` + secretOne + `"]`
	at := "endpoints[0]."
	url := func(u string) string {
		return one(`"name":"a","secrets":["` + secretOne + `"],"url":"` + u + `"`)
	}
	tests := map[string]struct {
		text string
		want []string // the beginnings of what is said
	}{
		"nothing":           {``, []string{"the file must be JSON"}},
		"a half":            {"{\n\"endpoints\":\n[", []string{"the file must be JSON, and breaks off in line 3"}},
		"a list":            {`[]`, []string{"must be a JSON object"}},
		"no endpoints":      {`{}`, []string{"endpoints must be given"}},
		"null":              {`{"endpoints":null}`, []string{"endpoints must be a JSON array of objects"}},
		"two lists":         {`{"endpoints":[],"endpoints":[]}`, []string{"endpoints is given twice"}},
		"an unknown member": {`{"endpoints":[],"hush":1}`, []string{`"hush" is not known`}},
		"another case":      {`{"Endpoints":[]}`, []string{`"Endpoints" is not known`}},
		"a secret as a name of a member": {
			one(good + `,"` + secretTwo + `":1`), []string{at + "a member is not known"},
		},
		"an endpoint that is none": {`{"endpoints":["hush"]}`, []string{"endpoints[0] must be a JSON object"}},
		"types": {
			one(`"name":1,"url":[],"secrets":"hush","events":[1],"full":"true","allow_private":null`),
			[]string{
				at + "name must be a JSON string", at + "url must be a JSON string", at + "secrets must be a JSON array of strings",
				at + "events must be a JSON array of strings", at + "full must be true or false", at + "allow_private must be true or false",
			},
		},
		"twice":     {one(good + `,"name":"b"`), []string{at + "name is given twice"}},
		"all wrong": {one(``), []string{at + "name must be 1-64", at + "url must be a URL", at + "secrets must hold one"}},
		"two of a name": {
			`{"endpoints":[{` + good + `},{` + good + `}]}`, []string{"endpoints[1].name is another endpoint's, too"},
		},
		"a name":          {one(strings.Replace(good, `"a"`, `"a b"`, 1)), []string{at + "name must be 1-64"}},
		"a secret":        {one(strings.Replace(good, secretOne, "hush", 1)), []string{at + "secrets[0] must be whsec_"}},
		"a secret, twice": {one(strings.Replace(good, `]`, `,"`+secretOne+`"]`, 1)), []string{at + "secrets[1] is given twice"}},
		"events": {
			one(good + `,"events":["task.done","call.ended","call.ended"]`),
			[]string{at + "events[0] must be one of", at + "events[2] is given twice"},
		},
		"accounts": {
			one(good + `,"accounts":["","b","b"]`), []string{at + "accounts[0] must be 1-64", at + "accounts[2] is given twice"},
		},
		"tasks":                  {one(good + `,"tasks":"some"`), []string{at + "tasks must be all or named"}},
		"http":                   {url("http://a.example.com/"), []string{at + "url must be https"}},
		"another scheme":         {url("ftp://a.example.com/"), []string{at + "url must be https"}},
		"no scheme":              {url("a.example.com/"), []string{at + "url must be a URL with a host"}},
		"no host":                {url("https:///path"), []string{at + "url must be a URL with a host"}},
		"a user":                 {url("https://user:hush@a.example.com/"), []string{at + "url must not name a user"}},
		"a fragment":             {url("https://a.example.com/#hush"), []string{at + "url must not have a fragment"}},
		"a URL that is too long": {url("https://a.example.com/" + strings.Repeat("a", 2000)), []string{at + "url must be a URL with a host"}},
		"this machine":           {url("https://127.0.0.1/"), []string{at + "url leads to a loopback address"}},
		"a private network":      {url("https://[fd00::1]:8443/"), []string{at + "url leads to a private network"}},
		"metadata, allowed": {
			one(`"name":"a","secrets":["` + secretOne + `"],"allow_private":true,"url":"http://169.254.169.254/"`),
			[]string{at + "url leads to a service of metadata"},
		},
		"another encoding": {"\xff\xfe{\x00}\x00", []string{"the input"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(test.text))
			invalid, is := errors.AsType[*dypls.ValidationError](err)
			if !is {
				t.Fatalf("got %v", err)
			}
			if len(invalid.Problems) != len(test.want) {
				t.Errorf("got %v, want %d problems", err, len(test.want))
			}
			for i, p := range invalid.Problems[:min(len(invalid.Problems), len(test.want))] {
				if !strings.HasPrefix(p.String(), test.want[i]) || p.Remedy == "" {
					t.Errorf("got %q, want %q and a remedy", p, test.want[i])
				}
			}
			if name != "an unknown member" && strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "MfKQ9r8") || strings.Contains(err.Error(), "aGVyZSB") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestTooManyEndpoints(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{"name":"a","url":"https://a.example.com/","secrets":["`+secretOne+`"]},`, MostEndpoints+1)
	if _, err := Parse([]byte(`{"endpoints":[` + strings.TrimSuffix(text, ",") + `]}`)); err == nil || !strings.Contains(err.Error(), "must be 100 at most") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse([]byte(`{"endpoints":[]` + strings.Repeat(" ", longestFile) + `}`)); err == nil {
		t.Error("a huge file is read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"endpoints":[{"name":"a","url":"https://a.example.com/","secrets":["` + secretOne + `"],"events":["call.ended"],"full":true}]}`))
	f.Add([]byte(`{"endpoints":[{"name":"a","name":"b"}],"x":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		endpoints, err := Parse(data)
		if err != nil && endpoints != nil {
			t.Errorf("%v, and yet %v", err, endpoints)
		}
		for _, e := range endpoints {
			if len(e.problems("x")) > 0 {
				t.Errorf("%+v is let through", e)
			}
		}
	})
}

func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		endpoint       Endpoint
		kind           EventType
		account, named string
		want           bool
	}{
		"everything":           {Endpoint{}, CallEnded, "", "", true},
		"an event":             {Endpoint{Events: []EventType{CallEnded}}, CallEnded, "", "", true},
		"another event":        {Endpoint{Events: []EventType{CallEnded}}, TaskFinished, "", "", false},
		"the default account":  {Endpoint{Accounts: []string{"default"}}, TaskFinished, "", "", true},
		"an account":           {Endpoint{Accounts: []string{"shop"}}, TaskFinished, "shop", "", true},
		"another account":      {Endpoint{Accounts: []string{"shop"}}, TaskFinished, "", "", false},
		"named":                {Endpoint{Name: "a", Tasks: NamedTasks}, TaskFinished, "", "a", true},
		"not named":            {Endpoint{Name: "a", Tasks: NamedTasks}, TaskFinished, "", "", false},
		"another named":        {Endpoint{Name: "a", Tasks: NamedTasks}, TaskFinished, "", "b", false},
		"all, another named":   {Endpoint{Name: "a", Tasks: AllTasks}, TaskFinished, "", "b", true},
		"a call, none named":   {Endpoint{Name: "a", Tasks: NamedTasks}, CallEnded, "", "", true},
		"named, other account": {Endpoint{Name: "a", Tasks: NamedTasks, Accounts: []string{"shop"}}, TaskFinished, "", "a", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.endpoint.wants(test.kind, test.account, test.named); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
