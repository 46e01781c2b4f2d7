package reseal

import (
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// The kinds of what is sealed, as a report names them.
const (
	Tasks     = "tasks"
	Numbers   = "numbers"
	Calls     = "calls"
	Receipts  = "receipts"
	Callbacks = "callbacks"
	Audit     = "audit"
	Console   = "console"
	Other     = "other" // what stands in no row of the table
)

// kind is a row of the table of what is sealed.
type kind struct {
	name string
	is   func(key string) bool
	// clear tells whether a field should be sealed where it is clear.
	clear func(field string) bool
	// fixed tells of what is not changed here: the entries of a stream leave it by themselves, and
	// numbers are sealed by their inventory.
	fixed bool
	// accountless tells of hashes whose field account is none: values are sealed for no account.
	accountless bool
}

const (
	prefix      = "dypls:"
	copyPrefix  = "dypls:resealing:" // of a stream, while it is sealed anew
	recordStart = "dypls:{"
	poolStart   = "dypls:{pool:"
)

// kinds is the table. The first row that a key is of counts.
var kinds = []kind{
	{name: Tasks, is: isRecord, clear: func(field string) bool {
		return field == "request" || field == "result" || strings.HasPrefix(field, "surplus:")
	}},
	{name: Numbers, is: isPool(":numbers"), clear: isNumberInClear, fixed: true},
	{name: Numbers, is: isPool(""), clear: none},
	{name: Calls, is: isCall, clear: isCallField, accountless: true},
	{name: Receipts, is: isOneOf("dypls:receipts"), clear: isOneOf("body"), fixed: true},
	{
		name: Receipts, is: isOneOf("dypls:receipts:unread", "dypls:receipts:other"),
		clear: isOneOf("body", "key"),
	},
	{name: Callbacks, is: isDelivery, clear: isOneOf("body")},
	{name: Audit, is: isOneOf("dypls:audit"), clear: isAuditField},
	{name: Console, is: isOneOf("dypls:console:secret"), clear: isOneOf("")},
	{name: Other, is: func(string) bool { return true }, clear: none},
}

// never are the beginnings of keys that hold no sealed value, and may be many or large.
var never = []string{
	copyPrefix, "dypls:outcomes", "dypls:calls", "dypls:history:", "dypls:open:", "dypls:tasks:",
	"dypls:failed:", "dypls:uncertain:", "dypls:console:used:",
}

// kindOf returns the row of a key, nil where there is nothing to look at.
func kindOf(key string) *kind {
	if slices.ContainsFunc(never, func(start string) bool { return strings.HasPrefix(key, start) }) {
		return nil
	}
	for i := range kinds {
		if kinds[i].is(key) {
			return &kinds[i]
		}
	}
	return nil
}

// place is where a value of a key stands. account is what the hash, or the entry, has
// in its field of this name.
func (k *kind) place(key, account, field string) seal.Place {
	if k.accountless {
		account = ""
	}
	return seal.Place{Account: account, Key: key, Field: field}
}

func none(string) bool { return false }

func isOneOf(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// isRecord tells of a task's record, whose key ends with its id.
func isRecord(key string) bool {
	return strings.HasPrefix(key, recordStart) && strings.HasSuffix(key, "}")
}

func isPool(suffix string) func(string) bool {
	return func(key string) bool {
		return strings.HasPrefix(key, poolStart) && strings.HasSuffix(key, suffix)
	}
}

// isNumberInClear tells an X by which a number of an inventory stands from a handle.
func isNumberInClear(field string) bool { return !strings.HasPrefix(field, "x") }

func isCall(key string) bool { return strings.HasPrefix(key, "dypls:call:{") }

func isDelivery(key string) bool {
	return strings.HasPrefix(key, "dypls:callback:{") && strings.Contains(key, "}:delivery:")
}

// isCallField tells of what receipts say that may be a number, a text or a
// link, and of the receipts.
func isCallField(field string) bool {
	return strings.HasPrefix(field, "receipt:") || slices.Contains([]string{
		"out_id", "phone_no", "secret_no", "peer_no", "called_display_no", "extension", "control_msg",
		"record_url", "ring_record_url", "recording:location",
	}, field)
}

// isAuditField tells of what people wrote, and of details beside the id of another line.
func isAuditField(field string) bool {
	return slices.Contains([]string{"by", "target", "reason"}, field) ||
		strings.HasPrefix(field, ".") && field != ".of"
}
