package record

import (
	_ "embed" // the script
	"fmt"
	"regexp"
	"strconv"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/handover.lua
var handoverLua string

const (
	argsOfNew = 5 // that new.lua has, before the fields that only some records have
	// What the script of a queue finds before its own keys and arguments.
	keysBefore = 3
	argsBefore = argsOfNew + 4
)

// optionalFrom tells new.lua which argument is the first that names a field that only some records
// have.
func optionalFrom(n int) string { return fmt.Sprintf("local optional_from = %d\n", n) }

// Handover hands a new task over to the queue that delivers it, in the script that records the
// task: both are done, or neither.
type Handover struct {
	Script *HandoverScript
	Keys   []string
	Args   []any // as many as the script names
	// Channel is where Message is published, whatever was found, "" for nowhere.
	Channel, Message string
}

// HandoverScript is a queue's own script as a part of the one that records.
type HandoverScript struct {
	script *redis.Script
	args   int
}

var scriptsInput = regexp.MustCompile(`\b(KEYS|ARGV)\[(\d+)\]`)

// NewHandoverScript takes a script that returns 1 when it has put something into a queue, and 0
// when that is there already. Its keys and arguments get other numbers, and are still named
// literally, as proxies want it.
func NewHandoverScript(source string) *HandoverScript {
	args := 0
	source = scriptsInput.ReplaceAllStringFunc(source, func(input string) string {
		m := scriptsInput.FindStringSubmatch(input)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return input
		}
		if m[1] == "KEYS" {
			return fmt.Sprintf("KEYS[%d]", n+keysBefore)
		}
		args = max(args, n)
		return fmt.Sprintf("ARGV[%d]", n+argsBefore)
	})
	return &HandoverScript{args: args, script: redis.NewScript(optionalFrom(argsBefore+args+1) +
		fmt.Sprintf("local first_look = %d\n", firstLook.Milliseconds()) + newLua +
		"local function hand_over()\n" + source + "\nend\n" + handoverLua)}
}
