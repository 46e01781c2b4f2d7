package archtest

import (
	"io/fs"
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
	luaKey      = regexp.MustCompile(`^KEYS\[([1-9]|1[0-7])\]$`)
	anyRedis    = regexp.MustCompile(`redis\s*\.\s*\w+|redis\s*\[`)
)

// keyless are the commands that name no key; a channel is none.
var keyless = map[string]bool{"TIME": true, "PUBLISH": true}

// TestScriptsNameTheirKeysLiterally: Alibaba Cloud's proxies read the source of a script, and
// refuse one whose every command does not name its key literally, as KEYS[n].
func TestScriptsNameTheirKeysLiterally(t *testing.T) {
	t.Parallel()
	files := scripts(t)
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
			if !keyless[command] && !luaKey.MatchString(key) {
				t.Errorf("%s: %s: the key must be one of KEYS[1] to KEYS[17]", file, call[0])
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

// TestRecordScriptsTouchOneKey: a record, the index and the order of changes are in slots of their
// own.
func TestRecordScriptsTouchOneKey(t *testing.T) {
	t.Parallel()
	for _, file := range scripts(t) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "handover.lua" { // for a Redis without slots
			continue
		}
		if strings.Contains(file, filepath.Join("internal", "record")) && strings.Contains(string(source), "KEYS[2]") {
			t.Errorf("%s: a script of the record knows KEYS[1] alone", file)
		}
	}
}

// scripts returns the files of all Lua scripts of the module, wherever they lie.
func scripts(t *testing.T) (files []string) {
	t.Helper()
	const module = "../.."
	err := filepath.WalkDir(module, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		// a module of its own
		case entry.IsDir() && path != module && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bench"):
			return fs.SkipDir
		case filepath.Ext(path) == ".lua":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("found only %d scripts: %q", len(files), files)
	}
	return files
}
