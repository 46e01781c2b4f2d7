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

// What the script of a queue finds before its own keys and arguments.
const (
	keysBefore = 2
	argsBefore = 13
)

// Handover hands a new task over to the queue that delivers it, in the script that records the
// task: both are done, or neither.
type Handover struct {
	Script *HandoverScript
	Keys   []string
	Args   []any
	// Behind are commands that are sent right behind the script, whatever it found.
	Behind [][]any
}

// HandoverScript is a queue's own script as a part of the one that records.
type HandoverScript struct{ script *redis.Script }

var scriptsInput = regexp.MustCompile(`\b(KEYS|ARGV)\[(\d+)\]`)

// NewHandoverScript takes a script that returns 1 when it has put something into a queue, and 0
// when that is there already. Its keys and arguments get other numbers, and are still named
// literally, as proxies want it.
func NewHandoverScript(source string) *HandoverScript {
	source = scriptsInput.ReplaceAllStringFunc(source, func(input string) string {
		m := scriptsInput.FindStringSubmatch(input)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return input
		}
		if m[1] == "KEYS" {
			return fmt.Sprintf("KEYS[%d]", n+keysBefore)
		}
		return fmt.Sprintf("ARGV[%d]", n+argsBefore)
	})
	return &HandoverScript{redis.NewScript(clockLua +
		"local function create()\n" + createLua + "end\n" +
		"local function hand_over()\n" + source + "\nend\n" + handoverLua)}
}
