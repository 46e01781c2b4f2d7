package aliyun

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func newFrame(maxBody int) frame {
	var f frame
	f.expect(maxBody)
	return f
}

// chunked writes a body in chunks of so many bytes.
func chunked(body string, size int) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for body != "" {
		part := body[:min(size, len(body))]
		body = body[len(part):]
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	return b.String() + "0\r\n\r\n"
}

// padded is an answer of so many bytes.
func padded(size int) string {
	const frame = `{"Code":"OK","Message":""}`
	return `{"Code":"OK","Message":"` + strings.Repeat("x", size-len(frame)) + `"}`
}

func TestFrame_findsTheEnd(t *testing.T) {
	t.Parallel()
	whole := raw("200 OK", okBody)
	for name, test := range map[string]struct {
		answer, surplus string
		usable          bool
	}{
		"alone":                  {whole, "", true},
		"one too many":           {whole, whole, true},
		"no reason":              {raw("200", okBody), whole, true},
		"gateway's refusal":      {raw("400 Bad Request", okBody), whole, true},
		"chunked":                {chunked(okBody, len(okBody)), "", true},
		"chunked, and more":      {chunked(okBody, len(okBody)), "x", true},
		"chunks of a byte":       {chunked(okBody, 1), whole, true},
		"chunked, nothing in it": {chunked("", 1), whole, false},
		"at the bound":           {raw("200 OK", padded(4096)), whole, true},
		"chunked, at the bound":  {chunked(padded(4096), 100), whole, true},
		"no body":                {raw("200 OK", ""), whole, false},
		"408":                    {raw("408 Request Timeout", ""), whole, false},
		"HTML":                   {raw("502 Bad Gateway", "<html>"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, step := range []int{1, 2, 3, 7, 4096, 1 << 20} {
				f := newFrame(4096)
				taken := feed(&f, test.answer+test.surplus, step)
				if !f.complete || taken != len(test.answer) || f.usable != test.usable {
					t.Errorf("in steps of %d it ends at %d (complete: %t) and is usable: %t; want %d, %t",
						step, taken, f.complete, f.usable, len(test.answer), test.usable)
				}
				f = newFrame(4096)
				if feed(&f, test.answer[:len(test.answer)-1], step); f.complete {
					t.Errorf("in steps of %d it is complete without its last byte", step)
				}
			}
		})
	}
}

// What is of no usual form has no end: its connection serves no other request.
func TestFrame_leavesTheUnusual(t *testing.T) {
	t.Parallel()
	whole := raw("200 OK", okBody)
	for name, received := range map[string]string{
		"until closed":         "HTTP/1.1 200 OK\r\n\r\n" + okBody,
		"HTTP/1.0":             "HTTP/1.0 200 OK\r\n\r\n" + okBody,
		"early hints":          "HTTP/1.1 103 Early Hints\r\n\r\n" + whole,
		"101":                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + whole,
		"204":                  "HTTP/1.1 204 No Content\r\n\r\n" + whole,
		"304":                  "HTTP/1.1 304 Not Modified\r\nContent-Length: 1\r\n\r\n" + whole,
		"garbage":              strings.Repeat("garbage\r\n", 9) + "\r\n",
		"two lengths":          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n{",
		"length and chunks":    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two encodings":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunk extension":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;a=b\r\n\r\n",
		"trailer":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
		"bare line feeds":      "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}\r\n\r\n",
		"chunk too short":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		"chunk of no size":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n",
		"chunk of many digits": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000000\r\n\r\n",
		"over the bound":       raw("200 OK", padded(4097)),
		"chunked, over it":     chunked(padded(4097), 1),
		"one endless chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + padded(8192),
		"endless head":         "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeaderBytes) + "\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, step := range []int{1, 3, 4096, 1 << 20} {
				f := newFrame(4096)
				if taken := feed(&f, received, step); f.complete || taken != len(received) {
					t.Errorf("in steps of %d it is complete: %t, with %d of %d bytes", step, f.complete, taken, len(received))
				}
				if kept := cap(f.head) + cap(f.body); kept > 3*maxHeaderBytes {
					t.Errorf("in steps of %d it keeps %d bytes", step, kept)
				}
			}
		})
	}
}

// feed hands the bytes over as a connection does, and returns how many the frame took.
func feed(f *frame, received string, step int) int {
	taken := 0
	for received != "" && !f.complete {
		n := min(step, len(received))
		taken += f.take([]byte(received[:n]))
		received = received[n:]
	}
	return taken
}

// FuzzFrame: where a frame finds the end, net/http's parser finds it, too, however the bytes come.
func FuzzFrame(f *testing.F) {
	for _, fields := range []string{
		"Content-Length: 13", "content-length:13", "Content-Length: 13\r\nX-Acs-Request-Id: 8906582E", "Content-Length: 13\r\nContent-Length: 13",
		"Content-Length: 5\r\nContent-Length: 13", "Transfer-Encoding: chunked\r\nContent-Length: 13", "Content-Length: +13", "Content-Length: 13 ",
		"Content-Length: 1_3", " Content-Length: 13", "Content-Length: 13\r\n X: folded", "Content-Length : 13", "X: \x00\r\nContent-Length: 13", "X: \x7f\r\nContent-Length: 013",
	} {
		f.Add([]byte("HTTP/1.1 200 OK\r\n"+fields+"\r\n\r\n"+`{"Code":"OK"}`+"more"), 5)
	}
	f.Add([]byte("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), 1)
	f.Add([]byte("HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n"), 1)
	f.Add([]byte(chunked(okBody, 9)+"more"), 2)
	f.Add([]byte("HTTP/1.1 200 OK\r\ntransfer-encoding:CHUNKED\r\n\r\n00d\r\n"+`{"Code":"OK"}`+"\r\n000\r\n\r\n"), 3)
	f.Fuzz(func(t *testing.T, received []byte, step int) {
		if step < 1 {
			t.Skip("no step")
		}
		frame := newFrame(1 << 16)
		taken := feed(&frame, string(received), step)
		if !frame.complete {
			return
		}
		end, usable := endOfParsedAnswer(received)
		if taken != end || frame.usable != usable {
			t.Errorf("it ends at %d and is usable: %t; net/http says %d, %t", taken, frame.usable, end, usable)
		}
	})
}

// endOfParsedAnswer reads an answer as net/http does.
func endOfParsedAnswer(received []byte) (end int, usable bool) {
	source := bytes.NewReader(received)
	reader := bufio.NewReader(source)
	resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost}) //nolint:bodyclose // it is bytes in memory
	if err != nil {
		return 0, false
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, false
	}
	_, err = envelopeOf(body)
	return len(received) - source.Len() - reader.Buffered(), err == nil
}

// Eight times the bytes take eight times the work, however they come: what they cost in memory
// tells, as every copy and every parse of them would show in it.
func TestFrame_worksInProportion(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	cost := func(size int) uint64 {
		answer := chunked(padded(size), 1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f := newFrame(mostMaxBody)
		for i := range len(answer) {
			f.take([]byte(answer[i : i+1]))
		}
		runtime.ReadMemStats(&after)
		if !f.complete || !f.usable {
			t.Fatalf("an answer of %d bytes is complete: %t, usable: %t", size, f.complete, f.usable)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := cost(mostMaxBody/8), cost(mostMaxBody)
	if large > 12*small {
		t.Errorf("an answer of 128 KiB in single bytes cost %d bytes of memory, one of 1 MiB %d", small, large)
	}
}

// An answer in chunks of a byte is an answer, and its connection as good as before.
func TestCall_tinyChunks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size, max int
		answered  bool
	}{
		"small":                          {len(okBody), 0, true},
		"as long as an answer may be":    {defaultMaxBody, 0, true},
		"longer":                         {defaultMaxBody + 1, 0, false},
		"longer, and allowed to be":      {4 * defaultMaxBody, 4 * defaultMaxBody, true},
		"longer than anybody may allow":  {mostMaxBody + 1, 2 * mostMaxBody, false},
		"as long as anybody may allow":   {mostMaxBody, mostMaxBody, true},
		"longer than the least that may": {len(okBody), len(okBody) - 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen arrivals
			answer := chunked(padded(test.size), 1)
			endpoint := listen(t, func(c net.Conn) {
				reader := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					seen.note(r.Header.Get("X-Acs-Signature-Nonce"))
					if _, err := io.WriteString(c, answer); err != nil {
						return
					}
				}
			})
			client := newClient(t, endpoint, func(c *Config) { c.Timeout = time.Minute })
			for range 2 {
				call := bind()
				call.MaxAnswer = test.max
				got, err := client.Call(t.Context(), call)
				if !test.answered {
					wantError(t, err, dypls.Uncertain, dypls.CodeNoAnswer, nil)
					continue
				}
				if err != nil || len(got.Body) != test.size {
					t.Fatalf("%d bytes, error %v", len(got.Body), err)
				}
			}
		})
	}
}

// BenchmarkFrame follows an answer as it is, and one of a MiB in chunks of a byte.
func BenchmarkFrame(b *testing.B) {
	body := `{"RequestId":"8906582E-6722-409F-AD8B-C2F9C0F7A5B0","Code":"OK","Message":"OK","SecretBindDTO":{"SubsId":"1","SecretNo":"17000000000","Extension":""}}`
	for name, answer := range map[string]string{
		"usual":            fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
		"chunks of a byte": chunked(padded(mostMaxBody), 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			bytes := []byte(answer)
			var f frame
			for b.Loop() {
				f.expect(mostMaxBody)
				for rest := bytes; len(rest) > 0; rest = rest[min(4096, len(rest)):] {
					f.take(rest[:min(4096, len(rest))])
				}
				if !f.complete || !f.usable {
					b.Fatal("no answer")
				}
			}
		})
	}
}
