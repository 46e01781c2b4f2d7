package redistest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Calls counts how often a server has carried out a command, also inside scripts.
func Calls(tb testing.TB, server redis.Cmdable, command string) int {
	tb.Helper()
	stats, err := server.Info(tb.Context(), "commandstats").Result()
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.SplitSeq(stats, "\r\n") {
		var calls int
		if _, err := fmt.Sscanf(line, "cmdstat_"+command+":calls=%d,", &calls); err == nil {
			return calls
		}
	}
	return 0
}
