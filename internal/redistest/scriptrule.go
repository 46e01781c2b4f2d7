package redistest

import (
	"errors"
	"regexp"
	"strings"
)

// tokens of Lua, as far as the rule needs them: comments, strings, names, numbers, and anything
// else by itself.
var tokens = regexp.MustCompile(
	`--\[\[(?s:.*?)\]\]|--[^\n]*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\[\[(?s:.*?)\]\]|[A-Za-z_]\w*|\d+|\S`,
)

// withoutKey are commands that name no key.
var withoutKey = map[string]bool{"TIME": true, "PUBLISH": true, "PING": true}

// CheckScript tells how a script breaks the rule of Alibaba Cloud's proxies, nil for one that does
// not.
func CheckScript(source string) error {
	var code []string
	for _, token := range tokens.FindAllString(source, -1) {
		if !strings.HasPrefix(token, "--") {
			code = append(code, token)
		}
	}
	for i := range code {
		if code[i] == "KEYS" && !isKey(code[i:]) {
			return errors.New(badScript)
		}
		if !matches(code[i:], "redis", ".", "call", "(") &&
			!matches(code[i:], "redis", ".", "pcall", "(") {
			continue
		}
		const opened = 4
		if err := checkCall(code[i+opened:]); err != nil {
			return err
		}
	}
	return nil
}

// checkCall is given what follows the opening bracket of a call.
func checkCall(args []string) error {
	if len(args) < 2 || args[0][0] != '\'' && args[0][0] != '"' || args[1] != "," && args[1] != ")" {
		return errors.New(notLiteral)
	}
	if withoutKey[strings.ToUpper(strings.Trim(args[0], `'"`))] {
		return nil
	}
	const key, after = 2, 6
	if args[1] == ")" || !isKey(args[key:]) || len(args) <= after ||
		args[after] != "," && args[after] != ")" {
		return errors.New(badScript)
	}
	return nil
}

var digits = regexp.MustCompile(`^[1-9]\d*$`)

// isKey: KEYS[n], with n written out.
func isKey(code []string) bool {
	const index, length = 2, 4
	return len(code) >= length && matches(code, "KEYS", "[") && digits.MatchString(code[index]) &&
		code[index+1] == "]"
}

func matches(code []string, want ...string) bool {
	if len(code) < len(want) {
		return false
	}
	for i, token := range want {
		if code[i] != token {
			return false
		}
	}
	return true
}
