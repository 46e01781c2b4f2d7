package httpapi

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var phoneLike = regexp.MustCompile(`1[3-9][0-9]{9}`)

// fuzzed is an API without a queue: what it decodes goes nowhere.
func fuzzed() *API {
	a := &API{}
	a.SetCallbacks([]string{"billing"})
	return a
}

// FuzzTask: whatever a body is, it is a task that passes its checks, or a list of problems that
// repeats no number.
func FuzzTask(f *testing.F) {
	for _, seed := range []string{
		bind("order-42", `,"within":"10s","in":"20m","callback":"billing","account":"shop"`), bind("x", `,"process_at":"2099-01-31T23:59:59+08:00"`),
		`{"action":"UnbindSubscription","request":{"BindTaskID":"order-42"}}`, `{"action":"BindAxn","action":1,"request":[]}`, `[]`, `{"13812345678":1}`, "", "\xff", `{"in":13812345678}`,
	} {
		f.Add([]byte(seed), "key")
	}
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		a := fuzzed()
		s, problems := a.decodeSubmission(data)
		item, problems := s.item(problems, &key)
		for _, p := range problems {
			if p.Rule == "" || p.Remedy == "" || phoneLike.MatchString(p.Field+" "+p.Rule) || !utf8.ValidString(p.Field) {
				t.Errorf("%+v", p)
			}
		}
		if len(problems) == 0 && item.Request == nil {
			t.Error("no task and no problem")
		}
		_, _, _, err := a.decodeBatch([]byte(batchOf(string(data))))
		_ = problemsOf(err)
	})
}

// FuzzResolution and FuzzPosition: likewise.
func FuzzResolution(f *testing.F) {
	f.Add([]byte(`{"as":"succeeded","result":{"SubsId":"1","SecretNo":"17000000009"},"by":"Wang Wei"}`))
	f.Add([]byte(`{"as":"failed"}`))
	f.Add([]byte(`{"group":"billing","entries":["1-0"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := decodeResolution(data, &Change{Token: "token"})
		_, _, ackErr := decodeAcknowledgement(data)
		for _, p := range append(problemsOf(err), problemsOf(ackErr)...) {
			if p.Rule == "" || phoneLike.MatchString(p.Field+p.Rule) {
				t.Errorf("%+v", p)
			}
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("shop enqueue,read sha256:" + strings.Repeat("0", 64) + " 2026-11-29T22:30:00Z")
	f.Add("# none\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseTokens(text)
		if err != nil {
			return
		}
		for _, token := range list { // what is read can be written and read again
			if again, err := ParseTokens(token.Line()); err != nil || again[0].Line() != token.Line() {
				t.Errorf("%q: %v", token.Line(), err)
			}
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add("1795343778907-0_0-0")
	f.Fuzz(func(t *testing.T, text string) {
		p, is := parsePosition(text)
		if !is {
			return
		}
		if again, is := parsePosition(p.String()); !is || again != p {
			t.Errorf("%q: %v", text, p)
		}
	})
}
