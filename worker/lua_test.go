package worker

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestScriptsNameTheirKeysLiterally: Alibaba Cloud's proxies refuse any other script.
func TestScriptsNameTheirKeysLiterally(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	// What names no key; a channel is none.
	literal := regexp.MustCompile(`redis\.call\('(TIME'\)|PUBLISH', ARGV\[\d\],|[A-Z]+', KEYS\[\d\][,)])`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if calls, sound := strings.Count(string(source), "redis."), len(literal.FindAll(source, -1)); calls != sound || sound == 0 {
			t.Errorf("%s: %d calls, %d of them with a literal key", file, calls, sound)
		}
	}
}
