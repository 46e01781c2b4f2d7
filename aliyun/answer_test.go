package aliyun

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// An answer is a JSON object with a Code, and nothing else is.
func FuzzReadAnswer(f *testing.F) {
	for _, body := range []string{
		okBody, `{"code":"OK"}`, `{"Code":""}`, `{"Code":200}`, `{"Code":null,"code":"OK"}`, `{"Code":"a","Code":"b"}`, `{"CODE":"OK"}`,
		`[{"Code":"OK"}]`, `"OK"`, `null`, ``, `{`, `{}{}`, "\xff", `{"Code":"\ud800"}`, "\ufeff" + okBody, `{"Code":"OK","Message":{},"RequestId":1}`, `<html>`,
	} {
		f.Add(200, body, "Limit:1,Remain:0,TimeLeft:100", "8906582E-6722")
		f.Add(101, body, "", "")
		f.Add(503, body, "TimeLeft:", testNumber)
	}
	f.Fuzz(func(t *testing.T, status int, body, limits, id string) {
		header := http.Header{}
		header.Set("x-ratelimit-user-api", limits)
		header.Set("x-acs-request-id", id)
		answer, err := readAnswer(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, defaultMaxBody)

		var members map[string]any
		object := json.Unmarshal([]byte(body), &members) == nil && utf8.ValidString(body)
		code, found := members["Code"]
		if !found {
			code = members["code"]
		}
		text, _ := code.(string)
		want := object && text != "" && status >= 200 && len(body) <= defaultMaxBody
		if (err == nil) != want {
			t.Fatalf("error %v, want an answer: %t", err, want)
		}
		if err == nil && (answer.Code != text || answer.Status != status || string(answer.Body) != body) {
			t.Errorf("answer %+v", answer)
		}
		if answer.RetryAfter < 0 || answer.RetryAfter > maxRetryAfter {
			t.Errorf("RetryAfter is %v", answer.RetryAfter)
		}
	})
}

func FuzzTimeLeft(f *testing.F) {
	for _, value := range []string{"Limit:100,Remain:0,TimeLeft:1500,Reset:2", "TimeLeft:-1", "TimeLeft:99999999999999999999", ",:,", "TimeLeft"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := timeLeft(value); got < 0 || got > maxRetryAfter || got%time.Millisecond != 0 {
			t.Errorf("%q asks to wait %v", value, got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const api, user, acs, standard = "X-Ratelimit-User-Api", "X-Ratelimit-User", "X-Acs-Retry-After", "Retry-After"
	tests := map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"none":           {nil, 0},
		"one":            {http.Header{api: {"Limit:100,Remain:0,TimeLeft:1500,Reset:1600000000"}}, 1500 * time.Millisecond},
		"the longer":     {http.Header{api: {"TimeLeft:100"}, user: {"TimeLeft:200"}}, 200 * time.Millisecond},
		"blanks":         {http.Header{user: {"Limit: 100 , timeleft : 300 "}}, 300 * time.Millisecond},
		"repeated":       {http.Header{user: {"TimeLeft:1", "TimeLeft:2"}}, 2 * time.Millisecond},
		"a day":          {http.Header{user: {"TimeLeft:86400000"}}, maxRetryAfter},
		"beyond int64":   {http.Header{user: {"TimeLeft:9223372036854775808"}}, 0},
		"almost int64":   {http.Header{user: {"TimeLeft:9223372036854775807"}}, maxRetryAfter},
		"negative":       {http.Header{user: {"TimeLeft:-5"}}, 0},
		"no number":      {http.Header{user: {"TimeLeft:soon"}}, 0},
		"garbage":        {http.Header{api: {"\x00"}, user: {"5"}}, 0},
		"ACS":            {http.Header{acs: {"700"}}, 700 * time.Millisecond},
		"ACS, a day":     {http.Header{acs: {"86400000"}}, maxRetryAfter},
		"ACS, negative":  {http.Header{acs: {"-1"}, user: {"TimeLeft:3"}}, 3 * time.Millisecond},
		"ACS and a pair": {http.Header{acs: {"100"}, api: {"TimeLeft:300"}, user: {"TimeLeft:200"}}, 300 * time.Millisecond},
		"ACS is longer":  {http.Header{acs: {"400"}, api: {"TimeLeft:300"}}, 400 * time.Millisecond},
		"standard":       {http.Header{standard: {"5"}}, 5 * time.Second},
		"standard, long": {http.Header{standard: {"9223372036854775807"}}, maxRetryAfter},
		"standard, date": {http.Header{standard: {"Sun, 29 Nov 2026 08:00:30 GMT"}, "Date": {"Sun, 29 Nov 2026 08:00:00 GMT"}}, 30 * time.Second},
		"standard, past": {http.Header{standard: {"Sun, 29 Nov 2026 07:00:30 GMT"}, "Date": {"Sun, 29 Nov 2026 08:00:00 GMT"}}, 0},
		"date, no clock": {http.Header{standard: {"Sun, 29 Nov 2026 08:00:30 GMT"}}, 0},
		"all of them":    {http.Header{acs: {"1"}, api: {"TimeLeft:2"}, user: {"TimeLeft:3"}, standard: {"1"}}, time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := retryAfter(test.header); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A request ID is printed everywhere: a UUID whole, a number never.
func TestRequestID(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                     "",
		"8906582E-6722":                        "8906582E-6722",
		"8906582E-6722-4A3D-A1B2-123456789012": "8906582E-6722-4A3D-A1B2-123456789012",
		testNumber:                             "",
		"id-" + testNumber:                     "",
		"https://a.example/":                   "",
		"two words":                            "",
	} {
		if got := requestID(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
