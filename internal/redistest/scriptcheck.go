package redistest

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// What Alibaba Cloud's proxies answer to scripts that they refuse, as their manual has it and as
// users report it.
const (
	badScript = "ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array, " +
		"and KEYS should not be in expression"
	noKeys     = "ERR for redis cluster, eval/evalsha number of keys can't be negative or zero"
	manySlots  = "ERR eval/evalsha command keys must be in same slot"
	notLiteral = "ERR bad lua script for redis cluster, first parameter of redis.call/redis.pcall must be a single literal string"
)

// ScriptCheck is a Redis behind a stand-in for the proxies of Alibaba Cloud's cluster and proxy
// editions, with their rule for scripts (script_check_enable is 1): the key of every redis.call is
// KEYS[n], and each script is given a key. It is written from the manual, and was never compared
// with the real one.
type ScriptCheck struct {
	Addr string

	server *Server
	lets   bool

	mu       sync.Mutex
	scripts  map[string]string // by their hash
	verdicts map[string]string // of scripts: what the proxy answers, "" for nothing
}

// StartScriptCheck starts one that ends with the test; clients speak to it without TLS. One that
// lets scripts pass notes only what it would have refused.
func StartScriptCheck(tb testing.TB, server *Server, lets bool) *ScriptCheck {
	tb.Helper()
	c := &ScriptCheck{
		server:   server,
		lets:     lets,
		scripts:  map[string]string{},
		verdicts: map[string]string{},
	}
	c.Addr = relay(tb, c.serve)
	return c
}

// Seen returns the scripts that came, and for each whether it breaks the rule.
func (c *ScriptCheck) Seen() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := make(map[string]bool, len(c.verdicts))
	for source, refusal := range c.verdicts {
		seen[source] = refusal != ""
	}
	return seen
}

// serve passes requests on as they come, several in one piece, and answers in their order.
func (c *ScriptCheck) serve(client net.Conn) {
	server, err := c.server.Dial()
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	requests, replies := bufio.NewReader(client), bufio.NewReader(server)
	toServer, toClient := bufio.NewWriter(server), bufio.NewWriter(client)
	for {
		var refusals []string // of the requests that came, "" for one that Redis answers
		for len(refusals) == 0 || requests.Buffered() > 0 {
			args, raw, err := readRequest(requests)
			if err != nil {
				return
			}
			if name := strings.ToLower(args[0]); name == "subscribe" || name == "psubscribe" {
				_, _ = server.Write(raw)
				exchange(client, requests, server, replies)
				return
			}
			refusals = append(refusals, c.check(args))
			if refusals[len(refusals)-1] == "" {
				_, _ = toServer.Write(raw)
			}
		}
		_ = toServer.Flush() // whose error the replies bring
		for _, refusal := range refusals {
			if refusal != "" {
				_, _ = fmt.Fprintf(toClient, "-%s\r\n", refusal)
			} else if copyReply(toClient, replies) != nil {
				return
			}
		}
		if toClient.Flush() != nil {
			return
		}
	}
}

// exchange passes both ways, for a connection that is told things unasked.
func exchange(client net.Conn, requests io.Reader, server net.Conn, replies io.Reader) {
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, replies)
		_ = client.Close()
	})
	_, _ = io.Copy(server, requests)
	_ = server.Close()
	back.Wait()
}

// check returns what the proxy answers itself, "" for what it passes on.
func (c *ScriptCheck) check(args []string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var source string
	switch name := strings.ToLower(args[0]); {
	case name == "script" && len(args) == 3 && strings.EqualFold(args[1], "load"):
		return c.checkScript(args[2])
	case name == "eval" && len(args) > 2: //nolint:mnd // script, keys
		source = args[1]
	case name == "evalsha" && len(args) > 2: //nolint:mnd // hash, keys
		source = c.scripts[args[1]]
	default:
		return ""
	}
	if refusal := checkKeys(args[2], args[3:]); refusal != "" &&
		(refusal != noKeys || !c.lets) { // a cluster refuses many slots, too
		return refusal
	}
	if source == "" {
		return "" // Redis does not know it either
	}
	return c.checkScript(source)
}

// checkKeys is given how many keys there are, and the arguments that begin with them.
func checkKeys(number string, args []string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return noKeys
	}
	if !inOneSlot(args[:min(n, len(args))]) {
		return manySlots
	}
	return ""
}

func (c *ScriptCheck) checkScript(source string) string {
	refusal, known := c.verdicts[source]
	if !known {
		sum := sha1.Sum([]byte(source)) //nolint:gosec // Redis names scripts by it
		c.scripts[hex.EncodeToString(sum[:])] = source
		if err := CheckScript(source); err != nil {
			refusal = err.Error()
		}
		c.verdicts[source] = refusal
	}
	if c.lets {
		return ""
	}
	return refusal
}

// inOneSlot tells whether keys have one hash tag, which is what puts ours in one slot.
func inOneSlot(keys []string) bool {
	for _, key := range keys {
		if hashTag(key) != hashTag(keys[0]) {
			return false
		}
	}
	return true
}

func hashTag(key string) string {
	_, rest, opened := strings.Cut(key, "{")
	if tag, _, closed := strings.Cut(rest, "}"); opened && closed && tag != "" {
		return tag
	}
	return key
}

// readRequest reads an array of strings, and returns it as it came besides.
func readRequest(r *bufio.Reader) (args []string, raw []byte, err error) {
	n, raw, err := readLength(r, '*', nil)
	if err != nil || n < 1 {
		return nil, nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	args = make([]string, n)
	for i := range args {
		var length int
		if length, raw, err = readLength(r, '$', raw); err != nil {
			return nil, nil, err
		}
		text := make([]byte, length+len("\r\n"))
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, nil, err
		}
		args[i], raw = string(text[:length]), append(raw, text...)
	}
	return args, raw, nil
}

func readLength(r *bufio.Reader, kind byte, raw []byte) (int, []byte, error) {
	line, err := r.ReadString('\n')
	if err != nil || line[0] != kind {
		return 0, nil, errors.Join(err, fmt.Errorf("unexpected %q", line))
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	return n, append(raw, line...), err
}

// copyReply passes one reply on, whatever is in it.
func copyReply(w io.Writer, r *bufio.Reader) error {
	for left := 1; left > 0; left-- {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
		switch line[0] {
		case '$', '=', '!':
			if err == nil && n >= 0 {
				_, err = io.CopyN(w, r, int64(n+len("\r\n")))
			}
			if err != nil {
				return err
			}
		case '*', '~', '>':
			left += max(n, 0)
		case '%', '|':
			const each = 2 // a key and its value
			left += each * max(n, 0)
			if line[0] == '|' {
				left++ // what it is an attribute of
			}
		}
	}
	return nil
}
