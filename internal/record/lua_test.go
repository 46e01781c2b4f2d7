package record_test

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
	anyRedis    = regexp.MustCompile(`redis\s*\.\s*\w+|redis\s*\[`)
)

// keyless are the commands that name no key; a channel is none.
var keyless = map[string]bool{"TIME": true, "PUBLISH": true}

// Alibaba Cloud's proxies read the source of a script, and refuse one whose every command does not name its key
// literally, as KEYS[n]; and a cluster refuses one that touches another slot. Each script knows KEYS[1] alone.
func TestScriptsNameTheirOneKeyLiterally(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 6 {
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
			if !keyless[command] && key != "KEYS[1]" {
				t.Errorf("%s: %s: the key must be KEYS[1]", file, call[0])
			}
		}
		for _, mention := range luaMentions.FindAllString(code, -1) {
			if mention != "KEYS[1]" {
				t.Errorf("%s: %s: only KEYS[1], written so", file, mention)
			}
		}
	}
}
