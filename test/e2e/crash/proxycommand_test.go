package crash

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// step is what a script does for a task: those of asynq by the keys it gives them, ours by their
// text.
type step string

const (
	stepEnqueue step = "enqueue"
	stepDequeue step = "dequeue"
	stepBegin   step = "begin"
	stepFinish  step = "finish"
	stepDone    step = "done"
	stepReseal  step = "reseal" // by another key
)

// command is a request, as far as gates are concerned.
type command struct {
	step   step
	tasks  []string // that it is about, as far as its keys tell
	pushed bool     // its reply is a push, as a message of a channel is
}

func (p *faultProxy) commandOf(args []string) command {
	if len(args) == 0 {
		return command{}
	}
	name := strings.ToLower(args[0])
	if strings.HasSuffix(name, "subscribe") {
		return command{pushed: true}
	}
	if name != "eval" && name != "evalsha" || len(args) < 4 {
		return command{}
	}
	sha := args[1]
	if name == "eval" {
		sha = sha1Hex(args[1])
	}
	count, err := strconv.Atoi(args[2])
	if err != nil || count < 1 || count > len(args)-3 {
		return command{}
	}
	keys := args[3 : 3+count]
	about := []string{strings.TrimSuffix(strings.TrimPrefix(keys[0], "dypls:{"), "}")}
	if s, known := p.ours[sha]; known {
		return command{step: s, tasks: about}
	}
	// asynq's script in ours
	if strings.HasPrefix(keys[0], "dypls:{") && strings.HasPrefix(keys[len(keys)-1], "asynq:{") {
		return command{step: stepEnqueue, tasks: about}
	}
	return asynqCommand(keys)
}

// asynqCommand knows asynq's scripts, and ours in the place of one of them, by their keys, such as
// asynq:{bind}:t:order-42.1.
func asynqCommand(keys []string) command {
	var kinds, ids []string
	for _, key := range keys {
		rest := strings.TrimPrefix(key, "asynq:{")
		_, rest, _ = strings.Cut(rest, "}:")
		if delivery, isTask := strings.CutPrefix(rest, "t:"); isTask {
			ids = append(ids, asynqwire.IDOfDelivery(delivery))
			continue
		}
		kind, _, _ := strings.Cut(rest, ":")
		kinds = append(kinds, kind)
	}
	switch strings.Join(kinds, ",") {
	case "pending":
		return command{step: stepEnqueue, tasks: ids}
	case "pending,paused,active,lease":
		return command{step: stepDequeue}
	case "active,lease,processed,processed":
		return command{step: stepDone, tasks: ids}
	}
	return command{}
}

// readValue reads one value of Redis' protocol, and returns the bulk strings in it; raw gets it
// byte for byte.
func readValue(from *bufio.Reader, raw *bytes.Buffer) ([]string, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return nil, err
	}
	raw.WriteString(line)
	kind, text := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '$', '=', '!', '*', '~', '>', '%':
	default:
		return nil, nil
	}
	size, err := strconv.Atoi(text)
	if err != nil {
		return nil, errors.New("a value without a size")
	}
	switch kind {
	case '$', '=', '!':
		if size < 0 {
			return nil, nil
		}
		data := make([]byte, size+len("\r\n"))
		_, err := io.ReadFull(from, data)
		raw.Write(data)
		return []string{string(data[:size])}, err
	case '%':
		size *= 2
	}
	var all []string
	for range size {
		inside, err := readValue(from, raw)
		if err != nil {
			return nil, err
		}
		all = append(all, inside...)
	}
	return all, nil
}

// scriptSHA names a script of the record's as Redis does.
func scriptSHA(t *testing.T, of step) string {
	t.Helper()
	var text []byte
	parts := map[step][]string{
		stepBegin:  {"record/lua/settle.lua", "record/lua/history.lua", "record/lua/begin.lua"},
		stepFinish: {"record/lua/settle.lua", "record/lua/history.lua", "record/lua/finish.lua"},
		stepReseal: {"reseal/lua/field.lua"},
	}[of]
	if parts == nil {
		t.Fatalf("of which parts is the script of %s?", of)
	}
	for _, part := range parts {
		lua, err := os.ReadFile(filepath.Join(systemtest.Root(t), "internal", filepath.FromSlash(part)))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, lua...)
	}
	return sha1Hex(string(text))
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // what Redis calls a script
	return hex.EncodeToString(sum[:])
}
