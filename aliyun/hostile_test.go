package aliyun

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// answerRaw reads one request and answers with bytes.
func answerRaw(c net.Conn, seen *arrivals, raw string) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	seen.note(r.Header.Get("X-Acs-Signature-Nonce"))
	_, _ = io.WriteString(c, raw)
}

func raw(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// hostile does with every connection whatever can happen to one.
type hostile struct {
	seen arrivals
	outs arrivals // the same requests, by their OutId
}

func (h *hostile) handle(c net.Conn) {
	reader := bufio.NewReader(c)
	for {
		if rand.IntN(8) == 0 {
			return // before a request, or between two: a stale connection
		}
		if rand.IntN(24) == 0 {
			_, _ = io.WriteString(c, raw("408 Request Timeout", "")) // unasked
		}
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		h.seen.note(r.Header.Get("X-Acs-Signature-Nonce"))
		h.outs.note(r.URL.Query().Get("OutId"))
		// Each answer says whose it is.
		okBody := fmt.Sprintf(`{"Code":"OK","Message":%q}`, r.URL.Query().Get("OutId"))
		switch rand.IntN(16) {
		case 0:
			return
		case 1:
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset
			}
			return
		case 2:
			_, _ = io.WriteString(c, "garbage\r\n\r\n")
			return
		case 3:
			_, _ = io.WriteString(c, raw("200 OK", okBody)[:50])
			return
		case 4:
			_, _ = io.WriteString(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /?again\r\nContent-Length: 0\r\n\r\n")
		case 5:
			_, _ = io.WriteString(c, raw("502 Bad Gateway", "<html>"))
		case 6:
			_, _ = io.WriteString(c, raw("200 OK", okBody)+raw("200 OK", okBody)) // one too many
		case 7:
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"+raw("200 OK", okBody))
		default:
			_, _ = io.WriteString(c, raw("200 OK", okBody))
		}
	}
}

// Whatever the other side does: what is reported as not sent never arrived, nothing ever arrives
// twice, and no call is given the answer to another.
func TestCall_hostileServer(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 200
	h := &hostile{}
	endpoint := listen(t, h.handle)
	clients := []*Client{
		newClient(t, endpoint, func(c *Config) { c.Timeout = time.Second }),
		// where calls wait for each other
		newClient(t, endpoint, func(c *Config) { c.Timeout, c.MaxConns = time.Second, 2 }),
		newClient(t, refusing, nil),
	}
	var mu sync.Mutex
	outcomes := map[string]string{}
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range each {
				client := clients[0]
				switch {
				case i%5 == 0:
					client = clients[1]
				case i%11 == 0:
					client = clients[2]
				}
				outID := strconv.Itoa(caller*each + i)
				call := bind()
				call.Mutates = i%2 == 0
				call.Parameters = dypls.Parameters{{Name: "OutId", Value: outID}}
				answer, err := client.Call(t.Context(), call)
				outcome := "answered"
				if err == nil && answer.Message != outID {
					t.Errorf("call %s was given the answer to call %s", outID, answer.Message)
				}
				if e, ok := errors.AsType[*dypls.Error](err); ok {
					outcome = e.Code
				}
				mu.Lock()
				outcomes[outID] = outcome
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for _, client := range clients {
		_ = client.Close()
	}

	counts := map[string]int{}
	h.outs.mu.Lock()
	defer h.outs.mu.Unlock()
	for outID, outcome := range outcomes {
		counts[outcome]++
		switch arrived := h.outs.seen[outID]; {
		case arrived > 1:
			t.Errorf("call %s (%s) arrived %d times", outID, outcome, arrived)
		case arrived == 1 && outcome == dypls.CodeNotSent:
			t.Errorf("call %s is said not to have left, and arrived", outID)
		case arrived == 0 && outcome == "answered":
			t.Errorf("call %s is said to be answered, and never arrived", outID)
		}
	}
	h.seen.mu.Lock()
	defer h.seen.mu.Unlock()
	for nonce, n := range h.seen.seen {
		if n > 1 {
			t.Errorf("nonce %s arrived %d times", nonce, n)
		}
	}
	t.Logf("%d calls: %v", len(outcomes), counts)
	for _, outcome := range []string{"answered", dypls.CodeNotSent, dypls.CodeNoAnswer} {
		if counts[outcome] == 0 {
			t.Errorf("no call ended as %s: the test proves nothing about them", outcome)
		}
	}
}

// A server that closes its connections behind each answer: what is written to one of them is a
// doubt, never a second request.
func TestCall_staleConnections(t *testing.T) {
	t.Parallel()
	var seen arrivals
	endpoint := listen(t, func(c net.Conn) { answerRaw(c, &seen, raw("200 OK", okBody)) })
	client := newClient(t, endpoint, nil)
	const calls = 300
	answered, doubtful := 0, 0
	for range calls {
		_, err := client.Call(t.Context(), bind())
		e, failed := errors.AsType[*dypls.Error](err)
		switch {
		case !failed:
			answered++
		case e.Code == dypls.CodeNoAnswer:
			doubtful++
		}
	}
	arrived, _ := seen.count()
	if arrived < answered || arrived > answered+doubtful {
		t.Errorf("%d requests arrived of %d answered and %d doubtful ones", arrived, answered, doubtful)
	}
	if len(seen.seen) != arrived {
		t.Errorf("%d nonces in %d requests", len(seen.seen), arrived)
	}
	t.Logf("%d calls: %d answered, %d doubtful, %d arrived", calls, answered, doubtful, arrived)
}
