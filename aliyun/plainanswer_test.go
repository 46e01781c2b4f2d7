package aliyun

import (
	"fmt"
	"testing"
)

// FuzzPlainAnswer: what is read without a parser is what the parser reads.
func FuzzPlainAnswer(f *testing.F) {
	for _, fields := range []string{
		"Content-Length: 13", "content-length:13", "Content-Length: 13\r\nX-Acs-Request-Id: 8906582E", "Content-Length: 13\r\nContent-Length: 13",
		"Content-Length: 5\r\nContent-Length: 13", "Transfer-Encoding: chunked\r\nContent-Length: 13", "Content-Length: +13", "Content-Length: 13 ",
		"Content-Length: 1_3", " Content-Length: 13", "Content-Length: 13\r\n X: folded", "Content-Length : 13", "X: \x00\r\nContent-Length: 13", "X: \x7f\r\nContent-Length: 013",
	} {
		f.Add([]byte("HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n" + `{"Code":"OK"}` + "more"))
	}
	f.Add([]byte("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, received []byte) {
		head, length, plain := plainAnswer(received)
		if !plain || len(received) < head+length {
			return
		}
		end, usable := endOfAnswer(received)
		if parsedEnd, parsedUsable := endOfAnyAnswer(received); end != parsedEnd || usable != parsedUsable {
			t.Errorf("it ends at %d and is usable: %t; net/http says %d, %t", end, usable, parsedEnd, parsedUsable)
		}
	})
}

// BenchmarkEndOfAnswer compares the two ways.
func BenchmarkEndOfAnswer(b *testing.B) {
	body := `{"RequestId":"8906582E-6722-409F-AD8B-C2F9C0F7A5B0","Code":"OK","Message":"OK","SecretBindDTO":{"SubsId":"1","SecretNo":"17000000000","Extension":""}}`
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for name, end := range map[string]func([]byte) (int, bool){"plain": endOfAnswer, "any": endOfAnyAnswer} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, usable := end(answer); n != len(answer) || !usable {
					b.Fatal(n, usable)
				}
			}
		})
	}
}
