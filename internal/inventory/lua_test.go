package inventory_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	luaComment  = regexp.MustCompile(`--[^\n]*`)
	luaCall     = regexp.MustCompile(`redis\.p?call\s*\(\s*('[^']*'|"[^"]*"|[^,)]+)\s*(?:,\s*([^,)]*))?`)
	luaMentions = regexp.MustCompile(`KEYS\s*\[[^\]]*\]|KEYS\b`)
	luaKey      = regexp.MustCompile(`^KEYS\[([1-9]|1[0-2])\]$`)
	anyRedis    = regexp.MustCompile(`redis\s*\.\s*\w+|redis\s*\[`)
)

// Alibaba Cloud's proxies read the source of a script, and refuse one whose every command does not name its key literally,
// as KEYS[n]; and a cluster refuses one that touches another slot.
func TestScriptsNameTheirKeysLiterally(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 13 {
		t.Fatalf("found %d scripts, %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code := luaComment.ReplaceAllString(string(source), "")
		calls := luaCall.FindAllStringSubmatch(code, -1)
		if mentions := anyRedis.FindAllString(code, -1); len(mentions) != len(calls) {
			t.Errorf("%s: %d uses of redis, %d calls that can be read: %q", file, len(mentions), len(calls), mentions)
		}
		for _, call := range calls {
			command, key := strings.Trim(call[1], `'"`), strings.TrimSpace(call[2])
			if command == call[1] {
				t.Errorf("%s: %s: the command must be literal", file, call[0])
			}
			if command != "TIME" && !luaKey.MatchString(key) {
				t.Errorf("%s: %s: the key must be one of KEYS[1] to KEYS[12]", file, call[0])
			}
		}
		for _, mention := range luaMentions.FindAllString(code, -1) {
			if !luaKey.MatchString(mention) {
				t.Errorf("%s: %s: a key is written KEYS[n]", file, mention)
			}
		}
		for line := range strings.Lines(code) {
			if strings.HasPrefix(line, "function") || strings.Contains(line, "_G") {
				t.Errorf("%s: %s: a script makes nothing global", file, line)
			}
		}
	}
}
