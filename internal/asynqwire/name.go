package asynqwire

import "regexp"

// IDRule is what [IsID] demands, for errors.
const IDRule = "must be 1-128 characters of A-Z a-z 0-9 . _ : @ / -"

const longestID = 128

// IsID reports whether a text can be a task's id, which stands in keys of Redis and needs no
// escapes in JSON: see [IDRule].
func IsID(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '@', c == '/', c == '-':
		default:
			return false
		}
	}
	return text != "" && len(text) <= longestID
}

// AccountRule is what [IsAccount] demands, for the errors of all who are given a name.
const AccountRule = "must be 1-64 characters of A-Z a-z 0-9 . _ -"

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// IsAccount reports whether a name can be an account's: see [AccountRule].
func IsAccount(name string) bool { return accountPattern.MatchString(name) }
